/**
 * Blocks of audio memory of one size, shared by all calls of a process. A call in which nothing
 * waits holds none, so memory follows the audio that waits now and not the longest answer that a
 * call has ever had.
 */
export class BlockPool {
  /**
   * 512 ms of mu-law. Larger blocks would be half empty on average, and smaller ones would cost
   * more bookkeeping.
   */
  static readonly BLOCK_BYTES = 4096;

  readonly #free: Uint8Array[] = [];
  readonly #keepFree: number;
  #lent = 0;

  /**
   * @param keepFree  how many unused blocks are kept; the rest is left to the garbage collector.
   */
  constructor(keepFree = 1024) {
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
