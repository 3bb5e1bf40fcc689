// A WAV file on the relay that is read in parts: 16-bit PCM or mu-law.
import { ULAW_TO_LINEAR } from "./ulaw.js";

const PCM = 1;
const MULAW = 7;
const HEAD_BYTES = 4_096;
/** What is read at once: ten seconds of two channels in mu-law are 160 KB. */
export const BLOCK_S = 10;
/** Blocks that are kept: four minutes. */
const MAX_BLOCKS = 24;

/**
 * @typedef {{ rateHz: number, channels: number, frames: number, bytesPerSample: number, dataStart: number }} WavFormat
 * @typedef {(fromByte: number, toByte: number) => Promise<Uint8Array<ArrayBuffer>>} ReadBytes both inclusive; fewer bytes at the end of the file.
 */

/** @param {Uint8Array} head the beginning of the file. @returns {WavFormat} @throws {Error} when it is not such a file. */
export function wavFormat(head) {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const text = (/** @type {number} */ at) => String.fromCharCode(...head.subarray(at, at + 4));
  if (head.length < 44 || text(0) !== "RIFF" || text(8) !== "WAVE")
    throw new Error("The recording is not a WAV file.");
  /** @type {Omit<WavFormat, "frames" | "dataStart"> | null} */
  let format = null;
  for (let at = 12; at + 8 <= head.length; ) {
    const bytes = view.getUint32(at + 4, true);
    if (text(at) === "fmt " && at + 24 <= head.length) {
      const kind = view.getUint16(at + 8, true);
      const bits = view.getUint16(at + 22, true);
      if ((kind !== PCM || bits !== 16) && (kind !== MULAW || bits !== 8))
        throw new Error(`The recording has a format (${kind}) that cannot be played here.`);
      const channels = view.getUint16(at + 10, true);
      format = { channels, rateHz: view.getUint32(at + 12, true), bytesPerSample: bits / 8 };
    }
    if (text(at) === "data" && format !== null)
      return {
        ...format,
        dataStart: at + 8,
        frames: Math.floor(bytes / (format.channels * format.bytesPerSample)),
      };
    at += 8 + bytes + (bytes % 2);
  }
  throw new Error("The header of the recording is not complete.");
}

/** @param {Uint8Array} bytes @param {WavFormat} format @returns {Float32Array<ArrayBuffer>[]} the samples of each channel, -1 to 1. */
export function decodeWav(bytes, { channels, bytesPerSample }) {
  const frames = Math.floor(bytes.length / (channels * bytesPerSample));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    for (let i = 0; i < frames; i++) {
      const at = (i * channels + channel) * bytesPerSample;
      const sample =
        bytesPerSample === 1 ? (ULAW_TO_LINEAR[bytes[at] ?? 0xff] ?? 0) : view.getInt16(at, true);
      samples[i] = sample / 32_768;
    }
    return samples;
  });
}

export class WavSource {
  format;
  #read;
  /** @type {Map<number, Float32Array<ArrayBuffer>[]>} by number, the least recently used first. */
  #blocks = new Map();
  /** @type {Map<number, Promise<Float32Array<ArrayBuffer>[]>>} */
  #loading = new Map();
  /** @type {Set<number>} blocks that could not be read. */
  #failed = new Set();

  /** @param {WavFormat} format @param {ReadBytes} read */
  constructor(format, read) {
    this.format = format;
    this.#read = read;
  }

  /** @param {ReadBytes} read @throws {Error} when the file cannot be read. */
  static async open(read) {
    return new WavSource(wavFormat(await read(0, HEAD_BYTES - 1)), read);
  }

  get blocks() {
    return Math.ceil(this.format.frames / this.blockFrames);
  }

  get blockFrames() {
    return BLOCK_S * this.format.rateHz;
  }

  /** A block that is here already. @param {number} number */
  known(number) {
    return this.#blocks.get(number);
  }

  /** Not here, and its last request did not fail. @param {number} number */
  isMissing(number) {
    return !this.#blocks.has(number) && !this.#failed.has(number);
  }

  /** Blocks that could not be read are missing again. */
  forgetFailures() {
    this.#failed.clear();
  }

  /** @param {number} number @returns {Promise<Float32Array<ArrayBuffer>[]>} */
  async block(number) {
    const known = this.#blocks.get(number);
    if (known !== undefined) return known;
    const loading = this.#loading.get(number) ?? this.#load(number);
    this.#loading.set(number, loading);
    try {
      const samples = await loading;
      this.#failed.delete(number);
      return samples;
    } catch (error) {
      this.#failed.add(number);
      throw error;
    } finally {
      this.#loading.delete(number);
    }
  }

  /** @param {number} number */
  async #load(number) {
    const { channels, bytesPerSample, dataStart, frames } = this.format;
    const frameBytes = channels * bytesPerSample;
    const first = number * this.blockFrames;
    const end = Math.min(frames, first + this.blockFrames);
    const bytes = await this.#read(
      dataStart + first * frameBytes,
      dataStart + end * frameBytes - 1,
    );
    const samples = decodeWav(bytes, this.format);
    this.#blocks.set(number, samples);
    const oldest = this.#blocks.keys().next().value;
    if (this.#blocks.size > MAX_BLOCKS && oldest !== undefined) this.#blocks.delete(oldest);
    return samples;
  }
}
