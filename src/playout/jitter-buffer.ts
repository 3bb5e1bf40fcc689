import { copyAudio, coreMemory, placeOf } from "../codec/audio-core.js";
import { type Block, BlockPool } from "./block-pool.js";

const PLAYOUT = placeOf("PLAYOUT");
/** The most bytes that one `take` moves, so that they lie in at most two blocks. */
export const MAX_TAKE_BYTES = BlockPool.BLOCK_BYTES;

/**
 * Mu-law audio that waits for its turn: a first-in first-out queue of bytes with a limit. The model
 * sends an answer much faster than it is spoken. What waits here can still be taken back when the
 * caller interrupts.
 */
export class JitterBuffer {
  readonly #pool: BlockPool;
  readonly #limitBytes: number;
  /** A list, because an array that is pushed to and shifted leaves garbage with every answer. */
  #first: Block | null = null;
  #last: Block | null = null;
  /** Read position in the first block, write position in the last. */
  #head = 0;
  #tail = 0;
  #length = 0;
  #takenAt = 0;

  /** @param limitBytes  the most that may wait; `push` takes no more than that. */
  constructor(pool: BlockPool, limitBytes: number) {
    this.#pool = pool;
    this.#limitBytes = limitBytes;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  get roomBytes(): number {
    return this.#limitBytes - this.#length;
  }

  /** Appends as much of `src[start, end)` as the limit allows. @returns how many bytes that was. */
  push(src: Uint8Array, start: number, end: number): number {
    const n = Math.min(end - start, this.#limitBytes - this.#length);
    let from = start;
    const stop = start + n;
    while (from < stop) {
      let block = this.#last;
      if (block === null || this.#tail === BlockPool.BLOCK_BYTES) block = this.#addBlock();
      const take = Math.min(stop - from, BlockPool.BLOCK_BYTES - this.#tail);
      copyAudio(src, from, from + take, block.bytes, this.#tail);
      this.#tail += take;
      from += take;
    }
    this.#length += n;
    return n;
  }

  #addBlock(): Block {
    const block = this.#pool.take();
    if (this.#last === null) this.#first = block;
    else this.#last.next = block;
    this.#last = block;
    this.#tail = 0;
    return block;
  }

  /**
   * Moves up to `max` bytes, at most MAX_TAKE_BYTES, into the core's memory. Whole blocks are
   * copied, because that needs no view.
   *
   * @returns how many bytes; they begin at `coreMemory[takenAt]` and are valid until the next
   *          `take` of any buffer.
   */
  take(max: number): number {
    const n = Math.min(max, this.#length, MAX_TAKE_BYTES);
    if (n === 0) return 0;
    coreMemory.set(this.#first!.bytes, PLAYOUT);
    this.#takenAt = PLAYOUT + this.#head;
    this.#head += n;
    this.#length -= n;
    if (this.#head >= BlockPool.BLOCK_BYTES) {
      this.#dropFirst();
      this.#head -= BlockPool.BLOCK_BYTES;
      if (this.#head > 0) coreMemory.set(this.#first!.bytes, PLAYOUT + BlockPool.BLOCK_BYTES);
    }
    if (this.#length === 0) this.clear();
    return n;
  }

  /** Where the bytes of the last `take` begin in the core's memory. */
  get takenAt(): number {
    return this.#takenAt;
  }

  #dropFirst(): void {
    const first = this.#first!;
    this.#first = first.next;
    if (this.#first === null) this.#last = null;
    this.#pool.give(first);
  }

  /** Drops what waits and gives its memory back. @returns how many bytes were dropped. */
  clear(): number {
    const dropped = this.#length;
    while (this.#first !== null) this.#dropFirst();
    this.#head = 0;
    this.#tail = 0;
    this.#length = 0;
    return dropped;
  }
}
