import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { audioCoreModule, target } from "../../scripts/audio-core.mjs";
import {
  callerAudio,
  copyAudio,
  coreBase,
  coreMemory,
  modelAudio,
  placeAudio,
  placeOf,
} from "../../src/codec/audio-core.js";

describe("the audio core", () => {
  it("is what its sources compile to: run `npm run generate` when it is not", {
    timeout: 60_000,
  }, async () => {
    const written = readFileSync(new URL(`../../${target}`, import.meta.url), "utf8");
    expect(await audioCoreModule()).toBe(written);
  });

  it("keeps its places apart", () => {
    const places = [
      ["LINEAR", 2048],
      ["MANTISSA", 8192],
      ["WEIGHTS", 26 * 16 * 8],
      ["BIAS", 16 * 8],
      ["OUTPUT", 17 * 8],
      ["CUES", 26 * 8],
      ["POWERS", 6 * 8],
      ["STATE", 34 * 8],
      ["LEVELS", 5 * 8],
      ["FOUND", 4 * 8],
      ["AUDIO", 1024],
      ["LAYOUT", 4096],
      ["TEXT", 64 * 1024],
      ["BYTES", 48 * 1024],
      ["MESSAGE_AUDIO", 48 * 1024],
      ["PLAYOUT", 8192],
      ["COPY", 4096],
      ["STEP_LEVELS", 60],
    ] as const;
    let end = 0;
    for (const [name, bytes] of places) {
      expect(placeOf(name), name).toBeGreaterThanOrEqual(end);
      end = placeOf(name) + bytes;
    }
    expect(end).toBeLessThanOrEqual(coreMemory.length);
  });
});

describe("placeAudio", () => {
  it("leaves audio that is in the core's memory where it is", () => {
    expect(placeAudio(callerAudio, 160, 320)).toBe(placeOf("MESSAGE_AUDIO") + 160);
    expect(placeAudio(modelAudio, 0, 160)).toBe(placeOf("BYTES"));
    expect(placeAudio(coreMemory, 4711, 4800)).toBe(4711);
  });

  it("copies audio that is elsewhere", () => {
    const audio = Uint8Array.from({ length: 200 }, (_, i) => i);
    const at = placeAudio(audio, 20, 180);
    expect([...coreMemory.subarray(at, at + 160)]).toEqual([...audio.subarray(20, 180)]);
    expect(coreBase(audio)).toBe(-1);
  });

  it("refuses more than 1 KiB from elsewhere", () => {
    expect(() => placeAudio(new Uint8Array(2000), 0, 1025)).toThrow(RangeError);
  });
});

describe("copyAudio", () => {
  const fill = (array: Uint8Array): Uint8Array => {
    for (let i = 0; i < 9000; i++) array[i] = (i * 7 + (i >> 8)) & 0xff;
    return array;
  };

  it.each([
    ["the caller's audio", () => callerAudio],
    ["the model's audio", () => modelAudio],
    ["an array elsewhere", () => new Uint8Array(9000)],
  ])("copies any part of %s", (_what, from) => {
    const src = fill(from());
    for (const [start, end] of [
      [0, 160],
      [0, 4096],
      [33, 1633],
      [100, 8100],
      [5, 5],
    ] as const) {
      const out = new Uint8Array(9010).fill(0xee);
      copyAudio(src, start, end, out, 10);
      expect(Buffer.compare(out.subarray(10, 10 + end - start), src.subarray(start, end))).toBe(0);
      expect([out[9], out[10 + end - start]]).toEqual([0xee, 0xee]);
    }
  });
});
