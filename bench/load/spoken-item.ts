import { FRAME_BYTES } from "./stamped-audio.js";

/** One item of the model's speech, as the model sent it and as the phone plays it. */
export class SpokenItem {
  readonly id: string;
  /** Number of its first frame in its session. */
  readonly firstSeq: number;
  /** All its audio; less when it was cut short. */
  bytes: number;
  complete = false;
  interrupted = false;
  deleted = false;
  firstDeltaMs = -1;
  /** Nothing was queued anywhere when its first delta left. */
  intoSilence = false;
  receivedBytes = 0;
  /** When its last received byte will have been played. */
  endPlayMs = 0;
  /** How much had been sent at which time, oldest first. */
  readonly #log: { readonly atMs: number; readonly bytes: number }[] = [];

  constructor(id: string, firstSeq: number, bytes: number) {
    this.id = id;
    this.firstSeq = firstSeq;
    this.bytes = bytes;
  }

  /** What the model has sent of it. */
  get sentBytes(): number {
    return this.#log.at(-1)?.bytes ?? 0;
  }

  /** What the model had sent of it at `atMs`. */
  sentBytesAt(atMs: number): number {
    return this.#log.findLast((entry) => entry.atMs <= atMs)?.bytes ?? 0;
  }

  sent(bytes: number, nowMs: number): void {
    this.#log.push({ atMs: nowMs, bytes: this.sentBytes + bytes });
  }

  /** One above its last frame. */
  get endSeq(): number {
    return this.firstSeq + Math.ceil(this.bytes / FRAME_BYTES);
  }

  /** Length of frame `seq` of it. */
  frameBytes(seq: number): number {
    return Math.min(FRAME_BYTES, this.bytes - (seq - this.firstSeq) * FRAME_BYTES);
  }

  /** The caller has heard all of it, or interrupted it before. */
  isOver(nowMs: number): boolean {
    if (this.interrupted) return true;
    return this.complete && this.receivedBytes >= this.bytes && this.endPlayMs <= nowMs;
  }

  /** What the caller has heard of it, in ms. */
  heardMs(nowMs: number): number {
    const unplayed = Math.max(0, (this.endPlayMs - nowMs) * 8);
    return Math.max(0, this.receivedBytes - unplayed) / 8;
  }
}
