/** A two-channel mu-law WAV file that is filled in any order and leaves no name on the disk. */
import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { AudioSink, Speaker } from "../../recorder/call-audio.js";

const CHANNELS = 2;
const RATE_HZ = 8_000;
const SILENCE = 0xff;
/** Four seconds of both channels. */
const PAGE_SAMPLES = 32 * 1024;
const PAGE_BYTES = PAGE_SAMPLES * CHANNELS;
/** Audio comes nearly in order: few pages are changed at a time. */
const MAX_PAGES = 8;
/** Twilio ends a call after four hours. */
const MAX_SAMPLES = 4 * 3_600 * RATE_HZ;
const CHANNEL: Readonly<Record<Speaker, number>> = { caller: 0, agent: 1 };
const HEADER_BYTES = 58;

interface Change {
  readonly channel: number;
  readonly from: number;
  readonly to: number;
  /** Null: silence. */
  readonly ulaw: Uint8Array | null;
}

/**
 * The caller on the first channel, the agent on the second, as in Twilio's recordings. It is kept
 * in a file that has no name any more, so that the system frees it when this process ends, however
 * that happens.
 */
export class CallWav implements AudioSink {
  readonly #file: FileHandle;
  /** By number, the least recently used first. */
  readonly #pages = new Map<number, Buffer>();
  #changes: Change[] = [];
  #samples = 0;
  #written = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(directory: string): Promise<CallWav> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, `.${randomUUID()}.wav.part`);
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    return new CallWav(file);
  }

  get sizeBytes(): number {
    return HEADER_BYTES + this.#samples * CHANNELS;
  }

  get durationMs(): number {
    return (this.#samples * 1_000) / RATE_HZ;
  }

  put(who: Speaker, atSample: number, ulaw: Uint8Array): void {
    const from = Math.max(0, atSample);
    const to = Math.min(MAX_SAMPLES, atSample + ulaw.length);
    if (from >= to) return;
    const part = ulaw.subarray(from - atSample, to - atSample);
    this.#changes.push({ channel: CHANNEL[who], from, to, ulaw: part });
    this.#samples = Math.max(this.#samples, to);
  }

  silence(who: Speaker, fromSample: number, toSample: number): void {
    const [from, to] = [Math.max(0, fromSample), Math.min(this.#samples, toSample)];
    if (from < to) this.#changes.push({ channel: CHANNEL[who], from, to, ulaw: null });
  }

  /** Takes in what has been put. Call it often: until then it stays in memory. */
  async write(): Promise<void> {
    const changes = this.#changes;
    this.#changes = [];
    for (const change of changes) {
      for (let at = change.from; at < change.to; ) {
        const number = Math.floor(at / PAGE_SAMPLES);
        const page = this.#pages.get(number) ?? (await this.#load(number));
        const end = Math.min(change.to, (number + 1) * PAGE_SAMPLES);
        for (; at < end; at++)
          page[(at - number * PAGE_SAMPLES) * CHANNELS + change.channel] =
            change.ulaw === null ? SILENCE : (change.ulaw[at - change.from] ?? SILENCE);
      }
    }
  }

  /** Writes all that is still in memory. */
  async finish(): Promise<void> {
    await this.write();
    for (const number of [...this.#pages.keys()]) await this.#store(number);
    // A page without sound was never written.
    await this.#fill(Math.ceil(this.#samples / PAGE_SAMPLES));
  }

  /** @returns at most `maxBytes`, fewer at the end. */
  async read(fromByte: number, maxBytes: number): Promise<Uint8Array> {
    const to = Math.min(this.sizeBytes, fromByte + maxBytes);
    if (fromByte >= to) return new Uint8Array(0);
    const head = fromByte < HEADER_BYTES ? this.#header().subarray(fromByte, to) : Buffer.alloc(0);
    const from = Math.max(0, fromByte - HEADER_BYTES);
    const bytes = Buffer.alloc(Math.max(0, to - HEADER_BYTES - from));
    for (let filled = 0; filled < bytes.length; ) {
      const { bytesRead } = await this.#file.read(
        bytes,
        filled,
        bytes.length - filled,
        from + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return head.length === 0 ? bytes : Buffer.concat([head, bytes]);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #load(number: number): Promise<Buffer> {
    const oldest = this.#pages.keys().next();
    if (this.#pages.size >= MAX_PAGES && oldest.done !== true) await this.#store(oldest.value);
    const page = Buffer.alloc(PAGE_BYTES, SILENCE);
    if (number < this.#written) await this.#file.read(page, 0, PAGE_BYTES, number * PAGE_BYTES);
    this.#pages.set(number, page);
    return page;
  }

  async #store(number: number): Promise<void> {
    const page = this.#pages.get(number);
    if (page === undefined) return;
    this.#pages.delete(number);
    await this.#fill(number);
    await this.#file.write(page, 0, PAGE_BYTES, number * PAGE_BYTES);
    this.#written = Math.max(this.#written, number + 1);
  }

  /** Silence in the pages up to this one that have not been written. */
  async #fill(number: number): Promise<void> {
    const silence = Buffer.alloc(PAGE_BYTES, SILENCE);
    for (; this.#written < number; this.#written++)
      await this.#file.write(silence, 0, PAGE_BYTES, this.#written * PAGE_BYTES);
  }

  /** As RIFF wants it for a format that is not PCM: with a `fact` chunk. */
  #header(): Buffer {
    const header = Buffer.alloc(HEADER_BYTES);
    const bytes = this.#samples * CHANNELS;
    header.write("RIFF", 0, "latin1");
    header.writeUInt32LE(HEADER_BYTES - 8 + bytes, 4);
    header.write("WAVEfmt ", 8, "latin1");
    header.writeUInt32LE(18, 16);
    header.writeUInt16LE(7, 20);
    header.writeUInt16LE(CHANNELS, 22);
    header.writeUInt32LE(RATE_HZ, 24);
    header.writeUInt32LE(RATE_HZ * CHANNELS, 28);
    header.writeUInt16LE(CHANNELS, 32);
    header.writeUInt16LE(8, 34);
    header.write("fact", 38, "latin1");
    header.writeUInt32LE(4, 42);
    header.writeUInt32LE(this.#samples, 46);
    header.write("data", 50, "latin1");
    header.writeUInt32LE(bytes, 54);
    return header;
  }
}
