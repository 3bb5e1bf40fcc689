import { describe, expect, it } from "vitest";
import { decodeWav, WavSource, wavFormat } from "../../console/wav-source.js";
import { makeWav } from "../fakes/make-wav.js";

const FILE = makeWav(2, 8_000 * 25, (channel, frame) => (channel === 0 ? frame % 100 : -1_000));

function sourceOf(file: Buffer, asked: number[][] = []) {
  return WavSource.open(async (from, to) => {
    asked.push([from, to]);
    return Uint8Array.from(file.subarray(from, to + 1));
  });
}

describe("a WAV file that is read in parts", () => {
  it("is read in blocks of ten seconds, each once", async () => {
    const asked: number[][] = [];
    const source = await sourceOf(FILE, asked);
    expect(source.format).toMatchObject({ rateHz: 8_000, channels: 2, frames: 200_000 });
    expect([source.blocks, source.blockFrames]).toEqual([3, 80_000]);
    expect(source.known(2)).toBeUndefined();
    const [[caller, agent]] = await Promise.all([source.block(2), source.block(2)]);
    expect([caller?.length, agent?.[0], caller?.[7]]).toEqual([
      40_000,
      -1_000 / 32_768,
      7 / 32_768,
    ]);
    expect(source.known(2)).toHaveLength(2);
    await source.block(2);
    expect(asked).toEqual([
      [0, 4_095],
      [44 + 640_000, 44 + 799_999],
    ]);
  });

  it("is forgotten again, block by block", async () => {
    const source = await sourceOf(makeWav(1, 8_000 * 300, () => 0));
    for (let number = 0; number < source.blocks; number++) await source.block(number);
    expect([source.known(0), source.known(29)?.length]).toEqual([undefined, 1]);
  });

  it("has no block missing that could not be read, until its failures are forgotten", async () => {
    let isAway = true;
    const source = await WavSource.open(async (from, to) => {
      if (from > 0 && isAway) throw new Error("away");
      return Uint8Array.from(FILE.subarray(from, to + 1));
    });
    const missing = () => [0, 1, 2].filter((number) => source.isMissing(number));
    expect(missing()).toEqual([0, 1, 2]);
    await expect(source.block(1)).rejects.toThrow("away");
    expect(missing()).toEqual([0, 2]);
    source.forgetFailures();
    expect(missing()).toEqual([0, 1, 2]);
    await expect(source.block(1)).rejects.toThrow("away");
    isAway = false;
    await source.block(1);
    source.forgetFailures();
    expect(missing()).toEqual([0, 2]);
  });

  it("may be mu-law, and is nothing else", () => {
    const ulaw = Buffer.from(FILE.subarray(0, 44));
    ulaw.writeUInt16LE(7, 20);
    ulaw.writeUInt16LE(8, 34);
    const format = wavFormat(ulaw);
    expect(format).toMatchObject({ bytesPerSample: 1, frames: 400_000 });
    const [left, right] = decodeWav(Uint8Array.of(0x00, 0xff, 0x80, 0xff), format);
    expect([left?.[0], left?.[1], right?.[0]]).toEqual([-32_124 / 32_768, 32_124 / 32_768, 0]);
    ulaw.writeUInt16LE(6, 20);
    expect(() => wavFormat(ulaw)).toThrow("format (6)");
    expect(() => wavFormat(Buffer.from("no"))).toThrow("not a WAV");
    expect(() => wavFormat(FILE.subarray(0, 30))).toThrow();
  });
});
