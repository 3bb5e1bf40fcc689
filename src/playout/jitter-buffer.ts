import { BlockPool } from "./block-pool.js";

/**
 * Mu-law audio that waits for its turn: a first-in first-out queue of bytes with a limit. The model
 * sends an answer much faster than it is spoken. What waits here can still be taken back when the
 * caller interrupts.
 */
export class JitterBuffer {
  readonly #pool: BlockPool;
  readonly #limitBytes: number;
  readonly #blocks: Uint8Array[] = [];
  /** Read position in the first block, write position in the last. */
  #head = 0;
  #tail = 0;
  #length = 0;

  /** @param limitBytes  most that may wait; `push` takes no more than that. */
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
      let block = this.#blocks[this.#blocks.length - 1];
      if (block === undefined || this.#tail === BlockPool.BLOCK_BYTES) {
        block = this.#pool.take();
        this.#blocks.push(block);
        this.#tail = 0;
      }
      const take = Math.min(stop - from, BlockPool.BLOCK_BYTES - this.#tail);
      copy(src, from, block, this.#tail, take);
      this.#tail += take;
      from += take;
    }
    this.#length += n;
    return n;
  }

  /** Moves up to `max` bytes into `out`, from `outStart` on. @returns how many. */
  pop(out: Uint8Array, outStart: number, max: number): number {
    const n = Math.min(max, this.#length);
    let done = 0;
    while (done < n) {
      const block = this.#blocks[0]!;
      const blockEnd = this.#blocks.length === 1 ? this.#tail : BlockPool.BLOCK_BYTES;
      const take = Math.min(n - done, blockEnd - this.#head);
      copy(block, this.#head, out, outStart + done, take);
      this.#head += take;
      done += take;
      if (this.#head === blockEnd) {
        this.#blocks.shift();
        this.#pool.give(block);
        this.#head = 0;
      }
    }
    this.#length -= n;
    return n;
  }

  /** Drops what waits and gives its memory back. @returns how many bytes were dropped. */
  clear(): number {
    const dropped = this.#length;
    for (const block of this.#blocks) this.#pool.give(block);
    this.#blocks.length = 0;
    this.#head = 0;
    this.#tail = 0;
    this.#length = 0;
    return dropped;
  }
}

/** A loop, because `subarray` and `set` would allocate a view for each frame. */
function copy(
  from: Uint8Array,
  fromStart: number,
  to: Uint8Array,
  toStart: number,
  n: number,
): void {
  for (let i = 0; i < n; i++) to[toStart + i] = from[fromStart + i]!;
}
