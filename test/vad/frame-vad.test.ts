import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRAME_BYTES, FRAME_MS } from "../../src/codec/frame.js";
import { levelDbov } from "../../src/codec/level.js";
import { ULAW_SILENCE } from "../../src/codec/ulaw.js";
import { Endpointer } from "../../src/vad/endpointer.js";
import { FrameVad } from "../../src/vad/frame-vad.js";
import { joined, recordedSpeech, signal, whiteNoise } from "./signals.js";

const SECOND = 8000;
const silence = (seconds: number) => new Uint8Array(seconds * SECOND).fill(ULAW_SILENCE);
const noise = (seconds: number, amplitude: number) => whiteNoise(seconds * SECOND, amplitude, 7);

function verdictsOf(ulaw: Uint8Array, vad = new FrameVad()): boolean[] {
  return Array.from({ length: Math.floor(ulaw.length / FRAME_BYTES) }, (_, f) =>
    vad.frame(ulaw, f * FRAME_BYTES),
  );
}

/** Times at which speech was noticed, in ms. */
function onsetsOf(ulaw: Uint8Array): number[] {
  const endpointer = new Endpointer();
  return verdictsOf(ulaw).flatMap((speech, f) =>
    endpointer.frame(speech, f * FRAME_MS) === "speech_started" ? [f * FRAME_MS] : [],
  );
}

describe("what is not speech", () => {
  const tone = (...hz: readonly number[]) =>
    signal(10 * SECOND, (i) =>
      hz.reduce((sum, f) => sum + 6000 * Math.sin((2 * Math.PI * f * i) / SECOND), 0),
    );

  it.each([
    ["digital silence", silence(10)],
    ["quiet noise", noise(10, 20)],
    ["white noise, soft", noise(10, 120)],
    ["white noise, as loud as a voice", noise(10, 1500)],
    ["mains hum", tone(50, 100, 150, 250)],
    ["the dial tone", tone(350, 440)],
  ])("is %s", (_, ulaw) => {
    // The first second is for getting to know the line.
    const speech = verdictsOf(ulaw).slice(50);
    expect(speech.filter(Boolean).length / speech.length).toBeLessThan(0.01);
  });
});

describe("recorded speech", () => {
  const speech = recordedSpeech();

  it.each([
    ["after digital silence", joined(silence(2), speech, silence(2))],
    ["in quiet noise", joined(noise(2, 20), speech, noise(2, 20))],
  ])("is noticed %s within 120 ms, and over with it", (_, ulaw) => {
    const onsets = onsetsOf(ulaw);
    expect(onsets[0]).toBeGreaterThanOrEqual(2000);
    expect(onsets[0]).toBeLessThanOrEqual(2120);
    const verdicts = verdictsOf(ulaw);
    expect(verdicts.slice(0, 95)).not.toContain(true);
    expect(verdicts.slice(-75)).not.toContain(true);
  });

  it("is found for as long as it lasts", () => {
    const loud: boolean[] = [];
    for (let at = 0; at + FRAME_BYTES <= speech.length; at += FRAME_BYTES)
      loud.push(levelDbov(speech, at, at + FRAME_BYTES) > -30);
    const found = verdictsOf(joined(silence(1), speech)).slice(50);
    const hits = loud.filter((isLoud, f) => isLoud && found[f]).length;
    expect(hits / loud.filter(Boolean).length).toBeGreaterThan(0.9);
  });

  it("is never sure silence where it is loud", () => {
    const vad = new FrameVad();
    const ulaw = joined(silence(2), speech);
    let wrong = 0;
    for (let at = 0; at + FRAME_BYTES <= ulaw.length; at += FRAME_BYTES) {
      vad.frame(ulaw, at);
      if (vad.certainlySilent && levelDbov(ulaw, at, at + FRAME_BYTES) > -40) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it("has a level of its own beside the floor's", () => {
    const vad = new FrameVad();
    verdictsOf(joined(noise(3, 60), speech, noise(2, 60)), vad);
    expect(vad.speechLevelDbov).toBeGreaterThan(-32);
    expect(vad.speechLevelDbov).toBeLessThan(-12);
    expect(vad.noiseFloorDbov).toBeLessThan(vad.speechLevelDbov - 20);
  });
});

describe("the noise floor", () => {
  it.each([20, 120, 800, 3000])("comes within 3 dB of white noise of RMS %i", (rms) => {
    const vad = new FrameVad();
    verdictsOf(noise(20, rms), vad);
    expect(Math.abs(vad.noiseFloorDbov - 20 * Math.log10(rms / 32768))).toBeLessThan(3);
  });

  it("falls at once when the line becomes quiet, and rises within seconds when it becomes loud", () => {
    const vad = new FrameVad();
    verdictsOf(joined(noise(5, 800), noise(1, 40)), vad);
    expect(vad.noiseFloorDbov).toBeLessThan(-50);
    verdictsOf(noise(5, 800), vad);
    expect(vad.noiseFloorDbov).toBeGreaterThan(-40);
  });

  it("is what speech is said to be as loud as before there was any", () => {
    const vad = new FrameVad();
    expect(vad.speechLevelDbov).toBe(vad.noiseFloorDbov);
    verdictsOf(silence(1), vad);
    expect(vad.speechLevelDbov).toBe(vad.noiseFloorDbov);
  });
});

describe("sure silence", () => {
  it("takes more than a few frames, and ends with the first doubt", () => {
    const vad = new FrameVad();
    const quiet = noise(2, 20);
    expect(verdictsOf(quiet.subarray(0, 3 * FRAME_BYTES), vad)).not.toContain(true);
    expect(vad.certainlySilent).toBe(false);
    verdictsOf(quiet, vad);
    expect(vad.certainlySilent).toBe(true);
    const speech = recordedSpeech();
    let at = 0;
    while (levelDbov(speech, at, at + FRAME_BYTES) < -35) at += FRAME_BYTES;
    vad.frame(speech, at);
    vad.frame(speech, at + FRAME_BYTES);
    expect(vad.certainlySilent).toBe(false);
  });
});

describe("any bytes", () => {
  it("leave finite figures within their ranges", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: FRAME_BYTES, maxLength: 40 * FRAME_BYTES }),
        (bytes) => {
          const vad = new FrameVad();
          for (let at = 0; at + FRAME_BYTES <= bytes.length; at += FRAME_BYTES) {
            vad.frame(bytes, at);
            expect(Number.isFinite(vad.score)).toBe(true);
            for (const dbov of [vad.levelDbov, vad.noiseFloorDbov, vad.speechLevelDbov]) {
              expect(dbov).toBeGreaterThanOrEqual(-73);
              expect(dbov).toBeLessThanOrEqual(0);
            }
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it("are judged alike at any offset, and whatever other calls are judged between", () => {
    const mine = joined(noise(1, 60), recordedSpeech());
    const shifted = joined(new Uint8Array(37), mine);
    const alone = verdictsOf(mine);
    const vad = new FrameVad();
    const other = new FrameVad();
    const between = noise(10, 3000);
    const together = alone.map((_, f) => {
      other.frame(between, (f % 400) * FRAME_BYTES);
      return vad.frame(shifted, 37 + f * FRAME_BYTES);
    });
    expect(together).toEqual(alone);
  });

  it("are forgotten on reset", () => {
    const ulaw = joined(noise(1, 60), recordedSpeech());
    const vad = new FrameVad();
    verdictsOf(noise(5, 9000), vad);
    vad.reset();
    const fresh = new FrameVad();
    expect(verdictsOf(ulaw, vad)).toEqual(verdictsOf(ulaw, fresh));
    expect([vad.score, vad.levelDbov, vad.noiseFloorDbov, vad.speechLevelDbov]).toEqual([
      fresh.score,
      fresh.levelDbov,
      fresh.noiseFloorDbov,
      fresh.speechLevelDbov,
    ]);
  });
});

/**
 * The sums of scores and noise floors were recorded from the loops that the audio core replaced. The core
 * keeps the order of their operations, so that all results are the same to the bit.
 */
it("scores as the thresholds and the promises of docs/vad.md were measured", () => {
  const vad = new FrameVad();
  const sound = joined(
    whiteNoise(16_000, 15, 1),
    recordedSpeech(),
    whiteNoise(16_000, 900, 2),
    recordedSpeech(),
    new Uint8Array(8_000).fill(0xff),
    Uint8Array.from({ length: 16_000 }, (_, i) => (i * 197 + (i >> 3) * 31) & 0xff),
  );
  const scores: number[] = [];
  for (let at = 0; at + FRAME_BYTES <= sound.length; at += FRAME_BYTES) {
    vad.frame(sound, at);
    scores.push(vad.score, vad.noiseFloorDbov, vad.speechLevelDbov);
  }
  const hash = createHash("sha256").update(Buffer.from(Float64Array.from(scores).buffer));
  expect(hash.digest("hex")).toBe(
    "fe4d23665d35941128c8f520e77a40ed21da1882941cf8f187704e42a82a619d",
  );
});
