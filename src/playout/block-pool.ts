/** A piece of audio memory, and the one that follows it in the queue that it is in. */
export interface Block {
  /** BLOCK_BYTES of them. */
  readonly bytes: Uint8Array;
  next: Block | null;
}

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
  /** Made at once, in one piece: memory of its own costs a block a third of its size. */
  static readonly SLAB_BLOCKS = 32;

  readonly #keepFree: number;
  #free: Block | null = null;
  #freeBlocks = 0;
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

  /** A block that nothing follows. */
  take(): Block {
    if (this.#free === null) this.#makeSlab();
    const block = this.#free!;
    this.#free = block.next;
    block.next = null;
    this.#freeBlocks--;
    this.#lent++;
    return block;
  }

  give(block: Block): void {
    this.#lent--;
    block.next = null;
    if (this.#freeBlocks < this.#keepFree) this.#keep(block);
  }

  #makeSlab(): void {
    const { BLOCK_BYTES, SLAB_BLOCKS } = BlockPool;
    const slab = new Uint8Array(SLAB_BLOCKS * BLOCK_BYTES);
    for (let at = slab.length - BLOCK_BYTES; at >= 0; at -= BLOCK_BYTES)
      this.#keep({ bytes: slab.subarray(at, at + BLOCK_BYTES), next: null });
  }

  #keep(block: Block): void {
    block.next = this.#free;
    this.#free = block;
    this.#freeBlocks++;
  }
}
