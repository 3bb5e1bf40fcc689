/**
 * Blocks of audio memory of one size, shared by all calls of a process. A call in which nothing
 * waits holds none, so memory follows the audio that waits now and not the longest answer that a
 * call has ever had.
 */
export class BlockPool {
  /**
   * 128 ms of mu-law. A message is taken by a copy of its whole block, so a large block costs time;
   * besides, it would be half empty on average. Smaller ones would cost more bookkeeping.
   */
  static readonly BLOCK_BYTES = 1024;

  readonly #free: Uint8Array[] = [];
  readonly #keepFree: number;
  #lent = 0;

  /**
   * @param keepFree  how many unused blocks are kept; the rest is left to the garbage collector.
   */
  constructor(keepFree = 4096) {
    this.#keepFree = keepFree;
  }

  /** Blocks that calls hold now. */
  get lent(): number {
    return this.#lent;
  }

  take(): Uint8Array {
    this.#lent++;
    return this.#free.pop() ?? new Uint8Array(BlockPool.BLOCK_BYTES);
  }

  give(block: Uint8Array): void {
    this.#lent--;
    if (this.#free.length < this.#keepFree) this.#free.push(block);
  }
}
