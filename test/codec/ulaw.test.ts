import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeUlaw, encodeUlaw, ULAW_SILENCE, ulawToLinear } from "../../src/codec/ulaw.js";
import {
  allSamples,
  FFMPEG_LINEAR,
  FFMPEG_ULAW,
  haveFfmpeg,
  haveSox,
  littleEndian,
  run,
  SOX_LINEAR,
  SOX_ULAW,
  samplesOf,
} from "./oracle.js";

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../fixtures/g711/${name}`, import.meta.url)));

const CODES = Uint8Array.from({ length: 256 }, (_, i) => i);

function decodeAll(): Int16Array {
  const pcm = new Int16Array(256);
  expect(decodeUlaw(CODES, pcm)).toBe(256);
  return pcm;
}

function encodeAll(): Uint8Array {
  const ulaw = new Uint8Array(65_536);
  expect(encodeUlaw(allSamples(), ulaw)).toBe(65_536);
  return ulaw;
}

/** Tells how many bytes differ and where the first one is, instead of printing 64 KiB. */
function difference(got: ArrayLike<number>, wanted: ArrayLike<number>) {
  const at = Array.from(got, (value, i) => (value === wanted[i] ? -1 : i)).filter((i) => i >= 0);
  return { lengths: [got.length, wanted.length], differing: at.length, first: at[0] };
}
const same = (n: number) => ({ lengths: [n, n], differing: 0, first: undefined });

describe("decodeUlaw", () => {
  // G.711 tables 2a and 2b: both ends of the scale, both zeros, one step inside a segment.
  it.each([
    [0x80, 32124],
    [0x00, -32124],
    [0xff, 0],
    [0x7f, 0],
    [0xf2, 104],
    [0x72, -104],
  ])("decodes byte %i to %i", (byte, sample) => {
    const pcm = new Int16Array(1);
    expect(decodeUlaw(Uint8Array.of(byte), pcm)).toBe(1);
    expect(pcm[0]).toBe(sample);
  });

  it("decodes all 256 bytes as sox did for the fixture", () => {
    expect(difference(decodeAll(), samplesOf(fixture("decode-sox.s16")))).toEqual(same(256));
  });

  it.runIf(haveSox)("decodes all 256 bytes as the sox of this machine", () => {
    const { stdout } = run("sox", ["-V1", "-D", ...SOX_ULAW, "-", ...SOX_LINEAR, "-"], CODES);
    expect(difference(decodeAll(), samplesOf(stdout))).toEqual(same(256));
  });

  it.runIf(haveFfmpeg)("decodes all 256 bytes as the ffmpeg of this machine", () => {
    const { stdout } = run(
      "ffmpeg",
      ["-v", "error", ...FFMPEG_ULAW, "-i", "pipe:0", ...FFMPEG_LINEAR, "pipe:1"],
      CODES,
    );
    expect(difference(decodeAll(), samplesOf(stdout))).toEqual(same(256));
  });

  it("writes only as many samples as there are bytes", () => {
    const pcm = Int16Array.of(7, 7, 7);
    expect(decodeUlaw(Uint8Array.of(0xff, 0xff), pcm)).toBe(2);
    expect([...pcm]).toEqual([0, 0, 7]);
  });

  it("leaves pcm as it was when it is too short", () => {
    const pcm = Int16Array.of(7);
    expect(() => decodeUlaw(new Uint8Array(2), pcm)).toThrow(RangeError);
    expect(pcm[0]).toBe(7);
  });
});

describe("encodeUlaw", () => {
  it("encodes all 65,536 samples as sox did for the fixture", () => {
    expect(difference(encodeAll(), fixture("encode-sox.ul"))).toEqual(same(65_536));
  });

  it.runIf(haveSox)("encodes all 65,536 samples as the sox of this machine", () => {
    const { stdout } = run(
      "sox",
      ["-V1", "-D", ...SOX_LINEAR, "-", ...SOX_ULAW, "-"],
      littleEndian(allSamples()),
    );
    expect(difference(encodeAll(), stdout)).toEqual(same(65_536));
  });

  // G.711 table 2a, column "decision value", in 14-bit units: 1, 3, … 31, 35, … 95, 103, … 7903.
  it("changes the code exactly at the decision values of the standard", () => {
    const decisions: number[] = [];
    let value = -1;
    for (let segment = 0; segment < 8; segment++) {
      for (let step = 0; step < 16; step++) {
        value += 2 << segment;
        decisions.push(value);
      }
    }
    expect(decisions.at(-1)).toBe(8159); // the virtual one: nothing lies above it
    const changes: number[] = [];
    const byteOf = (sample14: number) => {
      const ulaw = new Uint8Array(1);
      encodeUlaw(Int16Array.of(sample14 * 4), ulaw);
      return ulaw[0]!;
    };
    for (let v = 1; v < 8192; v++) if (byteOf(v) !== byteOf(v - 1)) changes.push(v);
    expect(changes).toEqual(decisions.slice(0, -1));
    expect(changes.slice(-2)).toEqual([7647, 7903]);
  });

  it.runIf(haveFfmpeg)(
    "is never further than one step from ffmpeg, which cuts instead of rounding",
    () => {
      const { stdout } = run(
        "ffmpeg",
        ["-v", "error", ...FFMPEG_LINEAR, "-i", "pipe:0", ...FFMPEG_ULAW, "pipe:1"],
        littleEndian(allSamples()),
      );
      // Codes in order of loudness with sign: both zeros at 0.
      const step = (byte: number) => (byte & 0x80 ? 0xff - byte : byte - 0x7f);
      const steps = Array.from(encodeAll(), (byte, i) => Math.abs(step(byte) - step(stdout[i]!)));
      expect(Math.max(...new Set(steps))).toBe(1);
      expect(steps.filter((n) => n === 1).length).toBeLessThan(1000);
    },
  );

  it("gives every byte back that it decoded, but for the negative zero", () => {
    const again = new Uint8Array(256);
    encodeUlaw(decodeAll(), again);
    expect(again).toEqual(Uint8Array.from(CODES, (code) => (code === 0x7f ? 0xff : code)));
  });

  it("saturates", () => {
    const ulaw = new Uint8Array(2);
    encodeUlaw(Int16Array.of(32767, -32768), ulaw);
    expect([...ulaw]).toEqual([0x80, 0x00]);
  });

  it("leaves ulaw as it was when it is too short", () => {
    const ulaw = Uint8Array.of(7);
    expect(() => encodeUlaw(new Int16Array(2), ulaw)).toThrow(RangeError);
    expect(ulaw[0]).toBe(7);
  });
});

describe("silence", () => {
  it("is the byte of a zero sample", () => {
    const ulaw = new Uint8Array(1);
    encodeUlaw(Int16Array.of(0), ulaw);
    expect(ulaw[0]).toBe(ULAW_SILENCE);
    expect(ulawToLinear[ULAW_SILENCE]).toBe(0);
  });
});
