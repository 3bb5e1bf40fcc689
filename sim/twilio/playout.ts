/**
 * What Twilio does with the audio it receives: plays it in order, in real time, and echoes marks
 * once they have been played. Time is an argument: the buffer's end is an instant, so the account
 * is exact however busy the process is, and costs nothing between messages.
 */
import { BYTES_PER_MS } from "../audio/mulaw.js";

/** The buffer ran dry and was filled again: the caller heard a gap, unless two items meet there. */
export interface PlayoutGap {
  readonly atMs: number;
  readonly gapMs: number;
  /** Bytes received before it. */
  readonly atByte: number;
}

export interface PlayoutClear {
  readonly atMs: number;
  /** Audio that was not played any more. */
  readonly droppedBytes: number;
  /** Received until then, dropped ones included. */
  readonly receivedBytes: number;
  readonly marksReturned: number;
  /** When the last audio before it came; null = none ever. */
  readonly lastMediaAtMs: number | null;
}

/** Audio played without a break. */
export interface PlayedRun {
  readonly startMs: number;
  bytes: number;
  /** Only when audio is kept. */
  readonly chunks: Uint8Array[];
}

interface PendingMark {
  readonly name: string;
  readonly dueMs: number;
}

export class MediaPlayout {
  readonly gaps: PlayoutGap[] = [];
  readonly clears: PlayoutClear[] = [];
  readonly runs: PlayedRun[] = [];
  /** All that arrived, cleared or not. */
  receivedBytes = 0;
  droppedBytes = 0;
  /** The most audio ever held un-played, in ms, just after a message. */
  maxLeadMs = 0;
  readonly #keep: boolean;
  #endMs = Number.NEGATIVE_INFINITY;
  #lastMediaAtMs: number | null = null;
  #marks: PendingMark[] = [];

  constructor(keepAudio: boolean) {
    this.#keep = keepAudio;
  }

  bufferedMs(nowMs: number): number {
    return Math.max(0, this.#endMs - nowMs);
  }

  /** What the caller has heard so far, in bytes. */
  playedBytes(nowMs: number): number {
    return this.receivedBytes - this.droppedBytes - this.#bufferedBytes(nowMs);
  }

  get lastMediaAtMs(): number | null {
    return this.#lastMediaAtMs;
  }

  /** @param audio  kept, not copied, where audio is kept at all. */
  media(audio: Uint8Array, nowMs: number): void {
    let run = this.runs.at(-1);
    if (this.#endMs < nowMs || run === undefined) {
      if (run !== undefined && Number.isFinite(this.#endMs))
        this.gaps.push({ atMs: nowMs, gapMs: nowMs - this.#endMs, atByte: this.receivedBytes });
      run = { startMs: nowMs, bytes: 0, chunks: [] };
      this.runs.push(run);
      this.#endMs = nowMs;
    }
    run.bytes += audio.length;
    if (this.#keep) run.chunks.push(audio);
    this.receivedBytes += audio.length;
    this.#endMs += audio.length / BYTES_PER_MS;
    this.#lastMediaAtMs = nowMs;
    this.maxLeadMs = Math.max(this.maxLeadMs, this.#endMs - nowMs);
  }

  /** @returns true: nothing is waiting, so it is echoed at once. */
  mark(name: string, nowMs: number): boolean {
    if (this.#endMs <= nowMs && this.#marks.length === 0) return true;
    this.#marks.push({ name, dueMs: this.#endMs });
    return false;
  }

  /** @returns the marks that have been played by now, in order. */
  played(nowMs: number): readonly string[] {
    if (this.#marks.length === 0 || this.#marks[0]!.dueMs > nowMs) return NONE;
    const count = this.#marks.findIndex((mark) => mark.dueMs > nowMs);
    return this.#marks.splice(0, count < 0 ? this.#marks.length : count).map((mark) => mark.name);
  }

  /** @returns all marks that were pending; Twilio echoes them at once. */
  clear(nowMs: number): readonly string[] {
    const droppedBytes = this.#bufferedBytes(nowMs);
    this.droppedBytes += droppedBytes;
    const run = this.runs.at(-1);
    if (run !== undefined && droppedBytes > 0) cut(run, droppedBytes);
    // The next audio makes no gap: the silence was wanted.
    this.#endMs = Number.NEGATIVE_INFINITY;
    const returned = this.#marks.map((mark) => mark.name);
    this.#marks = [];
    this.clears.push({
      atMs: nowMs,
      droppedBytes,
      receivedBytes: this.receivedBytes,
      marksReturned: returned.length,
      lastMediaAtMs: this.#lastMediaAtMs,
    });
    return returned;
  }

  /** The stream ended: what has not been played is lost. */
  stop(nowMs: number): void {
    const left = this.#bufferedBytes(nowMs);
    const run = this.runs.at(-1);
    if (run !== undefined && left > 0) cut(run, left);
    this.droppedBytes += left;
    this.#endMs = Number.NEGATIVE_INFINITY;
    this.#marks = [];
  }

  #bufferedBytes(nowMs: number): number {
    return Math.round(this.bufferedMs(nowMs) * BYTES_PER_MS);
  }
}

const NONE: readonly string[] = [];

function cut(run: PlayedRun, bytes: number): void {
  run.bytes -= bytes;
  while (bytes > 0 && run.chunks.length > 0) {
    const last = run.chunks.pop()!;
    if (last.length > bytes) run.chunks.push(last.subarray(0, last.length - bytes));
    bytes -= last.length;
  }
}
