import { type FileHandle, open } from "node:fs/promises";
import { ulawToLinear } from "../../codec/ulaw.js";
import { WireError } from "../../domain/errors.js";

const PCM = 1;
const MULAW = 7;
const READ_FRAMES = 8_192;
/**
 * Chunks before the audio: Twilio writes one of 16 bytes. A LIST chunk with tags may be among them.
 */
const MAX_HEADER_BYTES = 64 * 1024;

/**
 * Reads a WAV file in small parts: 16-bit PCM or mu-law, 1 to 8 channels. A frame is one sample of
 * every channel.
 *
 * Source: "Multimedia Programming Interface and Data Specifications 1.0" (RIFF, "WAVE form").
 */
export class WavFile {
  readonly channels: number;
  readonly sampleRate: number;
  readonly bytesPerSample: number;
  readonly frames: number;
  readonly #format: number;
  readonly #dataStart: number;
  readonly #file: FileHandle;

  private constructor(file: FileHandle, header: Header, frames: number) {
    this.#file = file;
    this.#format = header.format;
    this.#dataStart = header.dataStart;
    this.channels = header.channels;
    this.sampleRate = header.sampleRate;
    this.bytesPerSample = header.format === MULAW ? 1 : 2;
    this.frames = frames;
  }

  /** @throws WireError when the file is not a WAV file of these formats. */
  static async open(path: string): Promise<WavFile> {
    const file = await open(path, "r");
    try {
      const head = Buffer.alloc(MAX_HEADER_BYTES);
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      const header = parseHeader(head.subarray(0, bytesRead));
      // A writer that streams does not know the length and leaves 0 or 2^32-1. The size of the file
      // decides then.
      const { size } = await file.stat();
      const declared = header.dataBytes === 0 ? Number.POSITIVE_INFINITY : header.dataBytes;
      const bytes = Math.min(declared, size - header.dataStart);
      const frameBytes = header.channels * (header.format === MULAW ? 1 : 2);
      return new WavFile(file, header, Math.floor(bytes / frameBytes));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /**
   * Yields one channel, from frame `from` up to `to`, as a mono WAV file of `monoBytes` bytes. All
   * parts (about 16 KB each) use the same memory: the next part overwrites the one before.
   */
  async *mono(channel: number, from: number, to: number): AsyncGenerator<Uint8Array> {
    yield monoHeader(this.#format, this.sampleRate, this.bytesPerSample, to - from);
    const frames = Buffer.allocUnsafeSlow(READ_FRAMES * this.channels * this.bytesPerSample);
    const picked = Buffer.allocUnsafeSlow(READ_FRAMES * this.bytesPerSample);
    for (let at = from; at < to; at += READ_FRAMES) {
      const read = await this.#read(at, Math.min(to, at + READ_FRAMES), frames);
      yield pick(read, channel, this.channels, this.bytesPerSample, picked);
    }
  }

  /** The loudest sample of each step, 0 to 32,768, of every channel; step by step. */
  async *peaks(stepFrames: number): AsyncGenerator<readonly number[]> {
    const frameBytes = this.channels * this.bytesPerSample;
    const frames = Buffer.allocUnsafeSlow(stepFrames * frameBytes);
    for (let at = 0; at < this.frames; at += stepFrames) {
      const read = await this.#read(at, Math.min(this.frames, at + stepFrames), frames);
      const loudest = Array.from({ length: this.channels }, () => 0);
      for (let byte = 0; byte < read.length; byte += this.bytesPerSample) {
        const channel = (byte / this.bytesPerSample) % this.channels;
        const level = Math.abs(
          this.#format === MULAW ? ulawToLinear[read[byte]!]! : read.readInt16LE(byte),
        );
        if (level > loudest[channel]!) loudest[channel] = level;
      }
      yield loudest;
    }
  }

  monoBytes(from: number, to: number): number {
    return 44 + (to - from) * this.bytesPerSample;
  }

  /** The middle of the quietest window of `windowFrames` in one channel between two frames. */
  async quietest(channel: number, from: number, to: number, windowFrames: number): Promise<number> {
    const frames = Buffer.allocUnsafeSlow(windowFrames * this.channels * this.bytesPerSample);
    const picked = Buffer.allocUnsafeSlow(windowFrames * this.bytesPerSample);
    let best = to;
    let lowest = Number.POSITIVE_INFINITY;
    for (let at = from; at + windowFrames <= to; at += windowFrames) {
      const read = await this.#read(at, at + windowFrames, frames);
      const samples = pick(read, channel, this.channels, this.bytesPerSample, picked);
      const loudness = this.#loudness(samples);
      // Of equally quiet windows the last one counts, which makes the parts as long as possible.
      if (loudness <= lowest) [lowest, best] = [loudness, at + Math.floor(windowFrames / 2)];
    }
    return best;
  }

  #loudness(samples: Buffer): number {
    let sum = 0;
    if (this.#format === MULAW) for (const byte of samples) sum += ~byte & 0x7f;
    else for (let i = 0; i + 1 < samples.length; i += 2) sum += Math.abs(samples.readInt16LE(i));
    return sum;
  }

  async #read(from: number, to: number, into: Buffer): Promise<Buffer> {
    const frameBytes = this.channels * this.bytesPerSample;
    const bytes = into.subarray(0, (to - from) * frameBytes);
    const { bytesRead } = await this.#file.read(
      bytes,
      0,
      bytes.length,
      this.#dataStart + from * frameBytes,
    );
    if (bytesRead < bytes.length) throw new WireError("the WAV file ends before its last frame");
    return bytes;
  }
}

/** Copies one channel of `frames` to the beginning of `into`. */
function pick(
  frames: Buffer,
  channel: number,
  channels: number,
  bytesPerSample: number,
  into: Buffer,
): Buffer {
  if (channels === 1) return frames;
  const count = frames.length / (channels * bytesPerSample);
  const picked = into.subarray(0, count * bytesPerSample);
  for (let i = 0; i < count; i++) {
    const at = (i * channels + channel) * bytesPerSample;
    picked[i * bytesPerSample] = frames[at]!;
    if (bytesPerSample === 2) picked[i * 2 + 1] = frames[at + 1]!;
  }
  return picked;
}

interface Header {
  readonly format: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly dataStart: number;
  readonly dataBytes: number;
}

function parseHeader(head: Buffer): Header {
  if (
    head.length < 44 ||
    head.toString("latin1", 0, 4) !== "RIFF" ||
    head.toString("latin1", 8, 12) !== "WAVE"
  ) {
    throw new WireError("not a WAV file");
  }
  let fmt: {
    readonly format: number;
    readonly channels: number;
    readonly sampleRate: number;
  } | null = null;
  for (let at = 12; at + 8 <= head.length; ) {
    const id = head.toString("latin1", at, at + 4);
    const bytes = head.readUInt32LE(at + 4);
    if (id === "fmt " && at + 24 <= head.length) fmt = parseFormat(head, at + 8);
    if (id === "data") {
      if (fmt === null) break;
      return { ...fmt, dataStart: at + 8, dataBytes: bytes };
    }
    at += 8 + bytes + (bytes % 2);
  }
  throw new WireError("the WAV header has no fmt chunk or no data chunk");
}

function parseFormat(head: Buffer, at: number) {
  const format = head.readUInt16LE(at);
  const channels = head.readUInt16LE(at + 2);
  const sampleRate = head.readUInt32LE(at + 4);
  const bits = head.readUInt16LE(at + 14);
  const known = (format === PCM && bits === 16) || (format === MULAW && bits === 8);
  if (!known || channels < 1 || channels > 8 || sampleRate === 0) {
    throw new WireError(`WAV format ${format} with ${bits} bits is not supported`);
  }
  return { format, channels, sampleRate };
}

function monoHeader(
  format: number,
  sampleRate: number,
  bytesPerSample: number,
  frames: number,
): Buffer {
  const header = Buffer.alloc(44);
  const bytes = frames * bytesPerSample;
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + bytes, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(format, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * bytesPerSample, 28);
  header.writeUInt16LE(bytesPerSample, 32);
  header.writeUInt16LE(bytesPerSample * 8, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(bytes, 40);
  return header;
}
