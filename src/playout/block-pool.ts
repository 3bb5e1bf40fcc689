/**
 * Fixed-size blocks of audio memory, shared by all calls of a process. A call that has nothing waiting holds
 * none, so memory follows the audio that really waits and not the longest answer a call ever had.
 */
export class BlockPool {
  /** 512 ms of mu-law. Answers wait for seconds, so larger blocks would mostly hold air; smaller ones cost bookkeeping. */
  static readonly BLOCK_BYTES = 4096;

  readonly #free: Uint8Array[] = [];
  readonly #keepFree: number;
  #lent = 0;

  /** @param keepFree blocks kept for reuse when nobody needs them; the rest is left to the garbage collector. */
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
