import { describe, expect, it } from "vitest";
import { FRAME_BYTES, FRAME_MS } from "../../src/codec/frame.js";
import { CallerVad } from "../../src/vad/caller-vad.js";
import type { Endpoint } from "../../src/vad/endpointer.js";
import { joined, recordedSpeech, whiteNoise } from "./signals.js";

const quiet = (seconds: number): Uint8Array => whiteNoise(seconds * 8000, 15, 3);
const speech = recordedSpeech();

/** Feeds audio frame by frame from `fromMs` on; returns the borders that were found. */
function feed(vad: CallerVad, ulaw: Uint8Array, fromMs = 0): Endpoint[] {
  const found: Endpoint[] = [];
  for (let at = 0; at + FRAME_BYTES <= ulaw.length; at += FRAME_BYTES) {
    const nowMs = fromMs + (at / FRAME_BYTES + 1) * FRAME_MS;
    const border = vad.hear(ulaw, at, at + FRAME_BYTES, nowMs);
    if (border !== null) found.push(border);
  }
  return found;
}

describe("CallerVad", () => {
  it("finds where speech begins and ends on a quiet line", () => {
    const vad = new CallerVad();
    const found = feed(vad, joined(quiet(1), speech, quiet(1)));
    expect(found[0]).toBe("speech_started");
    expect(found.at(-1)).toBe("speech_stopped");
    expect(vad.audioMs).toBe(2000 + Math.floor(speech.length / FRAME_BYTES) * FRAME_MS);
    expect(vad.speechLevelDbov).toBeGreaterThan(vad.noiseFloorDbov + 15);
  });

  it("finds the same whether audio comes in single frames or in larger pieces", () => {
    const ulaw = joined(quiet(1), speech, quiet(1));
    const single = new CallerVad();
    feed(single, ulaw);
    const large = new CallerVad();
    const piece = 5 * FRAME_BYTES;
    for (let at = 0; at + piece <= ulaw.length; at += piece)
      large.hear(ulaw, at, at + piece, (at + piece) / 8);
    expect([large.startedMs, large.stoppedMs]).toEqual([single.startedMs, single.stoppedMs]);
  });

  it("is sure of silence after a while, and not with speech or an incomplete frame", () => {
    const vad = new CallerVad();
    expect(vad.certainlySilent).toBe(false);
    feed(vad, quiet(1));
    expect(vad.certainlySilent).toBe(true);
    vad.hear(quiet(1), 0, 100, 1020);
    expect(vad.certainlySilent).toBe(false);
    feed(vad, quiet(0.2), 1020);
    expect(vad.certainlySilent).toBe(true);
    feed(vad, speech.subarray(0, 8000), 1220);
    expect(vad.certainlySilent).toBe(false);
  });

  it("does not take the echo of playout for the caller", () => {
    const told = new CallerVad();
    const untold = new CallerVad();
    // Four segments of mu-law, which is 24 dB, softer than playout, and 100 ms later.
    const echo = Uint8Array.from(
      speech,
      (byte) => (byte & 0x80) | Math.min(0x7f, (byte & 0x7f) + 64),
    );
    const line = joined(quiet(0.1), echo);
    told.played(speech, 0, speech.length, 0);
    const found = feed(told, line);
    expect(feed(untold, line)).toContain("speech_started");
    expect(found).toEqual([]);
  });

  it("forgets the line on reset", () => {
    const vad = new CallerVad();
    feed(vad, joined(quiet(1), speech));
    vad.reset();
    expect([vad.audioMs, vad.startedMs, vad.stoppedMs]).toEqual([0, 0, 0]);
    expect(vad.speechLevelDbov).toBe(vad.noiseFloorDbov);
  });
});
