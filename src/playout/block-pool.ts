/** A piece of audio memory, linked to the next one of its queue. */
export interface Block {
  /** Its length is BLOCK_BYTES. */
  readonly bytes: Uint8Array;
  next: Block | null;
  readonly slab: Slab;
}

/** Blocks that were allocated together, as one piece of memory. */
interface Slab {
  /** The blocks that are not lent, as a linked list. */
  free: Block | null;
  freeBlocks: number;
}

/**
 * Blocks of audio memory of one size, shared by all calls of a process. A call in which nothing
 * waits holds none, so memory follows the audio that waits now and not the longest answer that a
 * call has ever had.
 */
export class BlockPool {
  /**
   * 128 ms of mu-law. To take a message its whole block is copied, so a larger block costs time,
   * and on average half of a call's last block is unused. Smaller blocks would cost more
   * bookkeeping.
   */
  static readonly BLOCK_BYTES = 1024;
  /** A separate allocation for each block would cost another third of its size. */
  static readonly SLAB_BLOCKS = 32;

  readonly #keepFree: number;
  /** Slabs with a free block. */
  readonly #open: Slab[] = [];
  #freeBlocks = 0;
  #lent = 0;

  /**
   * @param keepFree  how many unused blocks are kept at least. Beyond that a slab is left to the
   *                  garbage collector once none of its blocks is lent.
   */
  constructor(keepFree = 4096) {
    this.#keepFree = keepFree;
  }

  /** Blocks that calls hold now. */
  get lent(): number {
    return this.#lent;
  }

  /** A block with no next block. Its content is undefined. */
  take(): Block {
    const slab = this.#open[this.#open.length - 1] ?? this.#makeSlab();
    const block = slab.free!;
    slab.free = block.next;
    block.next = null;
    if (--slab.freeBlocks === 0) this.#open.pop();
    this.#freeBlocks--;
    this.#lent++;
    return block;
  }

  give(block: Block): void {
    const { slab } = block;
    block.next = slab.free;
    slab.free = block;
    if (++slab.freeBlocks === 1) this.#open.push(slab);
    this.#freeBlocks++;
    this.#lent--;
    const { SLAB_BLOCKS } = BlockPool;
    if (slab.freeBlocks < SLAB_BLOCKS || this.#freeBlocks - SLAB_BLOCKS < this.#keepFree) return;
    this.#open.splice(this.#open.indexOf(slab), 1);
    this.#freeBlocks -= SLAB_BLOCKS;
  }

  #makeSlab(): Slab {
    const { BLOCK_BYTES, SLAB_BLOCKS } = BlockPool;
    const memory = new Uint8Array(SLAB_BLOCKS * BLOCK_BYTES);
    const slab: Slab = { free: null, freeBlocks: SLAB_BLOCKS };
    for (let at = memory.length - BLOCK_BYTES; at >= 0; at -= BLOCK_BYTES) {
      const bytes = memory.subarray(at, at + BLOCK_BYTES);
      slab.free = { bytes, next: slab.free, slab };
    }
    this.#freeBlocks += SLAB_BLOCKS;
    this.#open.push(slab);
    return slab;
  }
}
