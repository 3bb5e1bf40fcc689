import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { WavFile } from "../../../src/adapters/journal/wav-file.js";
import { makeWav, wavHeader } from "../../fakes/make-wav.js";

const directory = mkdtempSync(join(tmpdir(), "murelay-wav-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;
const write = (bytes: Buffer): string => {
  const path = join(directory, `${files++}.wav`);
  writeFileSync(path, bytes);
  return path;
};

async function mono(wav: WavFile, channel: number, from: number, to: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  // Each part is copied: the next one overwrites it.
  for await (const part of wav.mono(channel, from, to)) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

function withUInt16(bytes: Buffer, value: number, at: number): Buffer {
  bytes.writeUInt16LE(value, at);
  return bytes;
}

function withUInt32(bytes: Buffer, value: number, at: number): Buffer {
  bytes.writeUInt32LE(value, at);
  return bytes;
}

/** A mu-law file of one byte a sample. */
function muLaw(channels: number, data: Buffer): Buffer {
  const header = wavHeader(channels, 0);
  header.writeUInt16LE(7, 20);
  header.writeUInt32LE(8_000 * channels, 28);
  header.writeUInt16LE(channels, 32);
  header.writeUInt16LE(8, 34);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

describe("WavFile.open", () => {
  it("reads the format of 16-bit PCM and of mu-law", async () => {
    const pcm = await WavFile.open(write(makeWav(2, 10, () => 0)));
    expect(pcm).toMatchObject({ channels: 2, sampleRate: 8_000, bytesPerSample: 2, frames: 10 });
    await pcm.close();
    const law = await WavFile.open(write(muLaw(2, Buffer.alloc(20))));
    expect(law).toMatchObject({ channels: 2, sampleRate: 8_000, bytesPerSample: 1, frames: 10 });
    await law.close();
  });

  it("skips other chunks, also those of odd length", async () => {
    const plain = makeWav(1, 4, (_, frame) => frame);
    const list = Buffer.from("LIST\x03\x00\x00\x00abc\x00", "latin1");
    const wav = await WavFile.open(
      write(Buffer.concat([plain.subarray(0, 36), list, plain.subarray(36)])),
    );
    expect(wav.frames).toBe(4);
    expect(await mono(wav, 0, 0, 4)).toEqual(plain);
    await wav.close();
  });

  it.each([0, 0xffff_ffff, 1_000_000])(
    "takes the length from the file where the header states %i bytes",
    async (declared) => {
      const bytes = makeWav(1, 100, () => 1);
      bytes.writeUInt32LE(declared, 40);
      const wav = await WavFile.open(write(bytes));
      expect(wav.frames).toBe(100);
      await wav.close();
    },
  );

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ["an empty file", () => Buffer.alloc(0)],
    ["another format", () => Buffer.from("ID3".padEnd(100, "\0"))],
    ["no data chunk", (bytes) => bytes.fill("x", 36, 40)],
    ["no fmt chunk", (bytes) => bytes.fill("x", 12, 16)],
    ["24 bits", (bytes) => withUInt16(bytes, 24, 34)],
    ["MP3 in a WAV file", (bytes) => withUInt16(bytes, 85, 20)],
    ["no channel", (bytes) => withUInt16(bytes, 0, 22)],
    ["no sample rate", (bytes) => withUInt32(bytes, 0, 24)],
  ])("refuses %s", async (_, damage) => {
    const path = write(damage(makeWav(1, 10, () => 0)));
    await expect(WavFile.open(path)).rejects.toMatchObject({ code: "wire_invalid" });
  });
});

describe("WavFile.mono", () => {
  it("gives one channel as a file of its own, over several parts", async () => {
    const frames = 20_000;
    const sample = (channel: number, frame: number) => (frame % 1_000) * (channel === 0 ? 1 : -1);
    const wav = await WavFile.open(write(makeWav(2, frames, sample)));
    const right = await mono(wav, 1, 10, frames);
    expect(right).toEqual(makeWav(1, frames - 10, (_, frame) => sample(1, frame + 10)));
    expect(wav.monoBytes(10, frames)).toBe(right.length);
    await wav.close();
  });

  it("rejects when the file ends before the frames that were asked for", async () => {
    const wav = await WavFile.open(write(makeWav(1, 10, () => 0)));
    await expect(mono(wav, 0, 0, 20)).rejects.toMatchObject({ code: "wire_invalid" });
    await wav.close();
  });
});

describe("WavFile.quietest", () => {
  it.each([
    ["PCM", (loud: (frame: number) => boolean) => makeWav(1, 800, (_, f) => (loud(f) ? 9_000 : 1))],
    [
      "mu-law",
      (loud: (frame: number) => boolean) =>
        muLaw(1, Buffer.from(Array.from({ length: 800 }, (_, f) => (loud(f) ? 0x80 : 0xff)))),
    ],
  ])("finds the middle of the quietest window: %s", async (_, make) => {
    const wav = await WavFile.open(write(make((frame) => frame < 300 || frame >= 400)));
    expect(await wav.quietest(0, 0, 800, 100)).toBe(350);
    await wav.close();
  });

  it("takes the last of equally quiet windows", async () => {
    const wav = await WavFile.open(write(makeWav(1, 800, () => 0)));
    expect(await wav.quietest(0, 0, 800, 100)).toBe(750);
    await wav.close();
  });
});
