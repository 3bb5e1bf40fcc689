/**
 * RIFF/WAVE, as far as the simulators need it: mono mu-law or 16-bit PCM in, stereo 16-bit PCM out.
 */
import { decodeUlaw, encodeUlaw } from "./mulaw.js";

const PCM = 1;
const MULAW = 7;

/** @returns mu-law, 8 kHz, mono. @throws Error on any other rate, channel count or encoding. */
export function readWavAsUlaw(file: Buffer): Buffer {
  if (file.toString("latin1", 0, 4) !== "RIFF" || file.toString("latin1", 8, 12) !== "WAVE")
    throw new Error("not a WAV file");
  let encoding = 0;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = file.toString("latin1", at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const body = file.subarray(at + 8, at + 8 + size);
    if (id === "fmt ") {
      encoding = body.readUInt16LE(0);
      const channels = body.readUInt16LE(2);
      const rateHz = body.readUInt32LE(4);
      const bits = body.readUInt16LE(14);
      const known = (encoding === PCM && bits === 16) || (encoding === MULAW && bits === 8);
      if (!known || channels !== 1 || rateHz !== 8000)
        throw new Error(
          `WAV of ${rateHz} Hz, ${channels} channels, encoding ${encoding}, ${bits} bits`,
        );
    } else if (id === "data") {
      if (encoding === MULAW) return Buffer.from(body);
      if (encoding !== PCM) throw new Error("WAV data before its format");
      const pcm = new Int16Array(body.length >> 1);
      for (let i = 0; i < pcm.length; i++) pcm[i] = body.readInt16LE(i * 2);
      return encodeUlaw(pcm);
    }
    at += 8 + size + (size & 1);
  }
  throw new Error("WAV without data");
}

/**
 * Two mu-law channels of one call as a stereo 16-bit PCM file at 8 kHz. The shorter channel ends in
 * silence.
 */
export function stereoWav(left: Uint8Array, right: Uint8Array): Buffer {
  const channels = [decodeUlaw(left), decodeUlaw(right)] as const;
  const frames = Math.max(left.length, right.length);
  const file = Buffer.alloc(44 + frames * 4);
  header(file, PCM, 2, 16);
  for (let i = 0; i < frames; i++) {
    file.writeInt16LE(channels[0][i] ?? 0, 44 + i * 4);
    file.writeInt16LE(channels[1][i] ?? 0, 46 + i * 4);
  }
  return file;
}

/** One mu-law channel, unchanged. */
export function ulawWav(ulaw: Uint8Array): Buffer {
  const file = Buffer.alloc(44 + ulaw.length);
  header(file, MULAW, 1, 8);
  file.set(ulaw, 44);
  return file;
}

function header(file: Buffer, encoding: number, channels: number, bits: number): void {
  const blockBytes = (channels * bits) / 8;
  file.write("RIFF", 0, "latin1");
  file.writeUInt32LE(file.length - 8, 4);
  file.write("WAVEfmt ", 8, "latin1");
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(encoding, 20);
  file.writeUInt16LE(channels, 22);
  file.writeUInt32LE(8000, 24);
  file.writeUInt32LE(8000 * blockBytes, 28);
  file.writeUInt16LE(blockBytes, 32);
  file.writeUInt16LE(bits, 34);
  file.write("data", 36, "latin1");
  file.writeUInt32LE(file.length - 44, 40);
}
