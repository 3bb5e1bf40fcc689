import { describe, expect, it } from "vitest";
import { type AudioSink, bytesOf, CallAudio, jsonOf } from "../../src/recorder/call-audio.js";
import type { FlightLine } from "../../src/recorder/format.js";

const FRAME = Buffer.alloc(160, 0x80).toString("base64");
const encoded = (json: object) => new TextEncoder().encode(JSON.stringify(json));

/** "caller 160+160": 160 samples from sample 160 on. */
function placed(lines: readonly object[], offsetMs = 0): string[] {
  const all: string[] = [];
  const sink: AudioSink = {
    put: (who, at, { length }) => void all.push(`${who} ${at}+${length}`),
    silence: (who, from, to) => void all.push(`${who} silent ${from}–${to}`),
  };
  const audio = new CallAudio(offsetMs, sink);
  for (const line of lines) audio.line(line as FlightLine);
  return all;
}

const heard = (at: number, timestamp?: number) => ({
  ...{ at, in: "phone", event: "message" },
  message: encoded({ event: "media", media: { payload: FRAME, timestamp: `${timestamp ?? ""}x` } }),
});
const stamped = (at: number, timestamp: number) => ({
  ...{ at, in: "phone", event: "message" },
  message: encoded({ event: "media", media: { payload: FRAME, timestamp: String(timestamp) } }),
});
const sent = (at: number) => ({
  ...{ at, out: "phone", event: "message" },
  message: { event: "media", media: { payload: FRAME } },
});
const clear = (at: number) => ({
  ...{ at, out: "phone", event: "message" },
  message: { event: "clear" },
});

describe("the caller's audio", () => {
  it("is one piece although the network delivers it in bursts", () => {
    const lines = [0, 20, 100, 100, 100, 100, 120].map((at, i) => stamped(at + 15, i * 20));
    expect(placed(lines)).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `caller ${120 + i * 160}+160`));
  });

  it("lies where the frame that was delayed the least says, once that has come", () => {
    const lines = [stamped(60, 0), stamped(60, 20), stamped(60, 40), stamped(80, 60)];
    expect(placed(lines).at(-1)).toBe("caller 640+160");
  });

  it("has a gap where frames are missing, and lies later in a later part of a call", () => {
    const lines = [stamped(0, 0), stamped(20, 20), stamped(140, 140)];
    expect(placed(lines)).toEqual(["caller 0+160", "caller 160+160", "caller 1120+160"]);
    expect(placed([stamped(0, 0)], 500)).toEqual(["caller 4000+160"]);
  });

  it("follows a stream whose clock was set anew, and one without times", () => {
    expect(placed([stamped(0, 0), stamped(3_000, 20)])[1]).toBe("caller 24000+160");
    expect(placed([heard(0), heard(20), heard(200)])).toEqual([
      "caller 0+160",
      "caller 160+160",
      "caller 1600+160",
    ]);
  });
});

describe("the agent's audio", () => {
  it("is played one piece after the other, however fast it was sent", () => {
    expect(placed([sent(0), sent(1), sent(2), sent(100)])).toEqual([
      "agent 0+160",
      "agent 160+160",
      "agent 320+160",
      "agent 800+160",
    ]);
  });

  it("ends where the phone was told to drop the rest", () => {
    expect(placed([sent(0), sent(1), clear(25), sent(30), clear(90)])).toEqual([
      "agent 0+160",
      "agent 160+160",
      "agent silent 200–320",
      "agent 240+160",
    ]);
  });
});

it("what is no audio is passed over, also where a peer sent nonsense", () => {
  const odd = [
    { at: 0, in: "clock", event: "tick" },
    { at: 0, in: "phone", event: "message", message: Uint8Array.of(1, 2) },
    { at: 0, out: "model", event: "message", message: { event: "media" } },
  ];
  expect(placed(odd)).toEqual([]);
  expect(jsonOf(Uint8Array.of(1))).toEqual({});
  expect(bytesOf(null, "x")).toHaveLength(0);
});
