import { BYTES_PER_MS } from "../../src/codec/frame.js";
import type { ItemId } from "../../src/domain/ids.js";
import type { PlayoutSink } from "../../src/playout/playout.js";

/**
 * A phone that plays what it is sent in real time, by a clock that the test moves: the truth against which playout's
 * account is held. Marks are echoed `echoDelayMs` after they were passed; playing starts `startDelayMs` late.
 */
export class FakePhone implements PlayoutSink {
  /** Stretches of `#queue` that were played, in order. */
  readonly #heard: { readonly from: number; to: number }[] = [];
  #heardBytes = 0;
  readonly began_: ItemId[] = [];
  clears = 0;
  messages = 0;
  maxLeadMs = 0;
  /** Times the phone had nothing to play since audio first came. */
  starved = 0;
  /** What was sent; from `#head` on it waits to be played. */
  readonly #queue = new Bytes();
  #head = 0;
  #marks: { generation: number; position: number; behind: number }[] = [];
  #echoes: { generation: number; position: number; atMs: number }[] = [];
  #sent = 0;
  #played = 0;
  #playingSinceMs: number | null = null;
  #clockMs = 0;
  readonly #startDelayMs: number;
  readonly #echoDelayMs: number;

  constructor(startDelayMs = 0, echoDelayMs = 0) {
    this.#startDelayMs = startDelayMs;
    this.#echoDelayMs = echoDelayMs;
  }

  /** Every byte that was ever played. */
  get heard(): Uint8Array {
    const [first, ...more] = this.#heard;
    if (first === undefined) return new Uint8Array();
    if (more.length === 0) return this.#queue.all.subarray(first.from, first.to);
    return Buffer.concat(this.#heard.map(({ from, to }) => this.#queue.all.subarray(from, to)));
  }

  /** How many bytes that is. */
  get heardBytes(): number {
    return this.#heardBytes;
  }

  /** Bytes held and not played. */
  get leadBytes(): number {
    return this.#queue.length - this.#head;
  }

  media(ulaw: Uint8Array, start: number, end: number): boolean {
    this.messages++;
    if (this.leadBytes === 0) this.#playingSinceMs = this.#clockMs + this.#startDelayMs;
    this.#queue.append(ulaw.subarray(start, end));
    this.#sent += end - start;
    this.maxLeadMs = Math.max(this.maxLeadMs, this.leadBytes / BYTES_PER_MS);
    return true;
  }

  mark(generation: number, position: number): void {
    this.#marks.push({ generation, position, behind: this.#sent });
    this.#passMarks(this.#clockMs);
  }

  clear(): void {
    this.clears++;
    this.#played = this.#sent;
    this.#head = this.#queue.length;
    this.#playingSinceMs = null;
    this.#passMarks(this.#clockMs);
  }

  began(itemId: ItemId): void {
    this.began_.push(itemId);
  }

  /** Moves the phone's time on; returns the echoes that are due, oldest first. */
  advance(toMs: number): readonly { readonly generation: number; readonly position: number }[] {
    const from = this.#head;
    while (this.#clockMs < toMs) {
      if (this.#playingSinceMs === null) {
        this.#clockMs += Math.ceil(toMs - this.#clockMs);
        break;
      }
      if (this.#clockMs + 1 > this.#playingSinceMs) this.#play(toMs);
      else this.#clockMs++;
    }
    this.#keepHeard(from, this.#head);
    if (this.#echoes.length === 0) return NO_ECHOES;
    const due = this.#echoes.filter((echo) => echo.atMs <= toMs);
    this.#echoes = this.#echoes.filter((echo) => echo.atMs > toMs);
    return due;
  }

  /** Plays whole milliseconds until that time, the end of what there is, or the next mark. */
  #play(toMs: number): void {
    const [mark, left] = [this.#marks[0], this.leadBytes];
    const bytes = Math.min(left, mark === undefined ? left : mark.behind - this.#played);
    const ms = Math.max(
      1,
      Math.min(Math.ceil(toMs - this.#clockMs), Math.ceil(bytes / BYTES_PER_MS)),
    );
    const n = Math.min(ms * BYTES_PER_MS, left);
    this.#clockMs += ms;
    this.#head += n;
    this.#played += n;
    if (this.leadBytes === 0) {
      this.#playingSinceMs = null;
      this.starved++;
    }
    this.#passMarks(this.#clockMs);
  }

  #keepHeard(from: number, to: number): void {
    if (to === from) return;
    this.#heardBytes += to - from;
    const last = this.#heard.at(-1);
    if (last?.to === from) last.to = to;
    else this.#heard.push({ from, to });
  }

  #passMarks(atMs: number): void {
    // Marks are in the order in which they were sent.
    const first = this.#marks[0];
    if (first === undefined || first.behind > this.#played) return;
    for (const mark of this.#marks) {
      if (mark.behind <= this.#played)
        this.#echoes.push({ ...mark, atMs: atMs + this.#echoDelayMs });
    }
    this.#marks = this.#marks.filter((mark) => mark.behind > this.#played);
  }
}

const NO_ECHOES: readonly never[] = [];

/** Bytes that are appended: an array of numbers takes eight times the memory, and far longer. */
class Bytes {
  #bytes = new Uint8Array(4_096);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A view, valid until the next `append`. */
  get all(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  append(more: Uint8Array): void {
    const length = this.#length + more.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.all);
      this.#bytes = larger;
    }
    this.#bytes.set(more, this.#length);
    this.#length = length;
  }
}
