import { BYTES_PER_MS } from "../../src/codec/frame.js";
import type { ItemId } from "../../src/domain/ids.js";
import type { PlayoutSink } from "../../src/playout/playout.js";

/**
 * A phone that plays what it is sent in real time, by a clock that the test moves: the truth against which playout's
 * account is held. Marks are echoed `echoDelayMs` after they were passed; playing starts `startDelayMs` late.
 */
export class FakePhone implements PlayoutSink {
  /** Every byte that was ever played. */
  readonly heard: number[] = [];
  readonly began_: ItemId[] = [];
  clears = 0;
  messages = 0;
  maxLeadMs = 0;
  /** Times the phone had nothing to play since audio first came. */
  starved = 0;
  readonly #queue: number[] = [];
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

  /** Bytes held and not played. */
  get leadBytes(): number {
    return this.#queue.length - this.#head;
  }

  media(ulaw: Uint8Array, start: number, end: number): boolean {
    this.messages++;
    if (this.leadBytes === 0) this.#playingSinceMs = this.#clockMs + this.#startDelayMs;
    for (let i = start; i < end; i++) this.#queue.push(ulaw[i]!);
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
  advance(toMs: number): { generation: number; position: number }[] {
    while (this.#clockMs < toMs) {
      this.#clockMs++;
      if (this.#playingSinceMs !== null && this.#clockMs > this.#playingSinceMs) {
        const n = Math.min(BYTES_PER_MS, this.leadBytes);
        for (let i = 0; i < n; i++) this.heard.push(this.#queue[this.#head++]!);
        this.#played += n;
        if (this.leadBytes === 0) {
          this.#playingSinceMs = null;
          this.starved++;
        }
        this.#passMarks(this.#clockMs);
      }
    }
    const due = this.#echoes.filter((echo) => echo.atMs <= toMs);
    this.#echoes = this.#echoes.filter((echo) => echo.atMs > toMs);
    return due;
  }

  #passMarks(atMs: number): void {
    for (const mark of this.#marks) {
      if (mark.behind <= this.#played)
        this.#echoes.push({ ...mark, atMs: atMs + this.#echoDelayMs });
    }
    this.#marks = this.#marks.filter((mark) => mark.behind > this.#played);
  }
}
