import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BYTES_PER_MS,
  bytesToMs,
  FRAME_BYTES,
  FRAME_MS,
  FrameCutter,
  type FrameSink,
  msToBytes,
  SAMPLE_RATE_HZ,
} from "../../src/codec/frame.js";
import { ULAW_SILENCE } from "../../src/codec/ulaw.js";

class Collector implements FrameSink {
  readonly bytes: number[] = [];
  frames = 0;
  frame(bytes: Uint8Array, start: number): void {
    this.frames++;
    this.bytes.push(...bytes.subarray(start, start + FRAME_BYTES));
  }
}

describe("frame arithmetic", () => {
  it("agrees with itself: one byte a sample", () => {
    expect(SAMPLE_RATE_HZ).toBe(BYTES_PER_MS * 1000);
    expect(FRAME_BYTES).toBe(FRAME_MS * BYTES_PER_MS);
  });

  it.each([
    [0, 0],
    [7, 0],
    [8, 1],
    [159, 19],
    [160, 20],
    [8000, 1000],
  ])("%i bytes last %i whole ms", (bytes, ms) => expect(bytesToMs(bytes)).toBe(ms));

  it.each([
    [0, 0],
    [20, 160],
    [0.9, 7],
    [12.5, 100],
  ])("%d ms hold %i whole bytes", (ms, bytes) => expect(msToBytes(ms)).toBe(bytes));
});

describe("FrameCutter", () => {
  it("gives out every byte once, in order, in whole frames, however the audio is cut up", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 12 }), (chunks) => {
        const cutter = new FrameCutter();
        const out = new Collector();
        for (const chunk of chunks) {
          // As a slice of a larger message that is used again at once.
          const message = new Uint8Array(chunk.length + 9);
          message.set(chunk, 5);
          cutter.push(message, 5, 5 + chunk.length, out);
          message.fill(0xaa);
        }
        const all = chunks.flatMap((chunk) => [...chunk]);
        const whole = Math.floor(all.length / FRAME_BYTES) * FRAME_BYTES;
        expect(out.bytes).toEqual(all.slice(0, whole));
        expect(cutter.restBytes).toBe(all.length - whole);

        expect(cutter.flush(out)).toBe(all.length > whole);
        expect(out.bytes.slice(0, all.length)).toEqual(all);
        expect(out.bytes.slice(all.length).every((byte) => byte === ULAW_SILENCE)).toBe(true);
        expect(out.frames).toBe(Math.ceil(all.length / FRAME_BYTES));
        expect(cutter.restBytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("hands a frame that lies whole within a chunk on where it is", () => {
    const chunk = new Uint8Array(400);
    const seen: [boolean, number][] = [];
    const cutter = new FrameCutter();
    cutter.push(chunk, 10, 400, { frame: (bytes, start) => seen.push([bytes === chunk, start]) });
    expect(seen).toEqual([
      [true, 10],
      [true, 170],
    ]);
    expect(cutter.restBytes).toBe(70);
  });

  it("forgets the rest on clear", () => {
    const cutter = new FrameCutter();
    const out = new Collector();
    cutter.push(new Uint8Array(100), 0, 100, out);
    cutter.clear();
    expect(cutter.flush(out)).toBe(false);
    cutter.push(new Uint8Array(159).fill(3), 0, 159, out);
    expect(out.frames).toBe(0);
    expect(cutter.restBytes).toBe(159);
  });
});
