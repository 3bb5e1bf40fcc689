import { describe, expect, it } from "vitest";
import { MediaPlayout } from "../../sim/twilio/playout.js";

const audio = (ms: number, byte = 1) => new Uint8Array(ms * 8).fill(byte);

describe("MediaPlayout", () => {
  it("plays in real time, however fast it is sent", () => {
    const playout = new MediaPlayout(true);
    playout.media(audio(100), 1000);
    playout.media(audio(100), 1000);
    expect(playout.bufferedMs(1000)).toBe(200);
    expect(playout.playedBytes(1050)).toBe(50 * 8);
    expect(playout.playedBytes(1500)).toBe(200 * 8);
    expect(playout.maxLeadMs).toBe(200);
    expect(playout.gaps).toEqual([]);
  });

  it("echoes a mark when all before it was played, and at once when nothing waits", () => {
    const playout = new MediaPlayout(false);
    expect(playout.mark("empty", 0)).toBe(true);
    playout.media(audio(20), 0);
    expect(playout.mark("a", 0)).toBe(false);
    playout.media(audio(20), 0);
    expect(playout.mark("b", 0)).toBe(false);
    expect(playout.played(19)).toEqual([]);
    expect(playout.played(20)).toEqual(["a"]);
    expect(playout.played(40)).toEqual(["b"]);
    expect(playout.mark("later", 40)).toBe(true);
  });

  it("drops what was not played on clear, and returns every pending mark", () => {
    const playout = new MediaPlayout(true);
    playout.media(audio(60, 1), 0);
    playout.mark("a", 0);
    playout.media(audio(60, 2), 0);
    playout.mark("b", 0);
    expect(playout.clear(70)).toEqual(["a", "b"]);
    expect(playout.playedBytes(500)).toBe(70 * 8);
    expect(playout.clears).toEqual([
      {
        atMs: 70,
        droppedBytes: 50 * 8,
        receivedBytes: 120 * 8,
        marksReturned: 2,
        lastMediaAtMs: 0,
      },
    ]);
    const heard = Buffer.concat(playout.runs.flatMap((run) => run.chunks));
    expect(heard.equals(Buffer.concat([audio(60, 1), audio(10, 2)]))).toBe(true);
  });

  it("notes every gap with its place, but none after a clear", () => {
    const playout = new MediaPlayout(false);
    playout.media(audio(20), 0);
    playout.media(audio(20), 30);
    playout.clear(40);
    playout.media(audio(20), 500);
    expect(playout.gaps).toEqual([{ atMs: 30, gapMs: 10, atByte: 160 }]);
    expect(playout.runs.map(({ startMs, bytes }) => [startMs, bytes])).toEqual([
      [0, 160],
      [30, 80],
      [500, 160],
    ]);
  });
});
