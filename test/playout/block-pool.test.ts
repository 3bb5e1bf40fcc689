import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Block, BlockPool } from "../../src/playout/block-pool.js";

describe("BlockPool", () => {
  it("lends the blocks that came back before it makes new ones", () => {
    const pool = new BlockPool();
    const block = pool.take();
    expect(block.bytes).toHaveLength(BlockPool.BLOCK_BYTES);
    expect(pool.take()).not.toBe(block);
    pool.give(block);
    expect(pool.take()).toBe(block);
  });

  it("counts what is lent", () => {
    const pool = new BlockPool();
    const blocks = [pool.take(), pool.take()];
    expect(pool.lent).toBe(2);
    for (const block of blocks) pool.give(block);
    expect(pool.lent).toBe(0);
  });

  it("keeps as many unused blocks as it was told to, and no slab more", () => {
    const { SLAB_BLOCKS } = BlockPool;
    const pool = new BlockPool(SLAB_BLOCKS);
    const blocks = Array.from({ length: 5 * SLAB_BLOCKS }, () => pool.take());
    const slabs = new Set(blocks.map(({ bytes }) => bytes.buffer));
    expect(slabs.size).toBe(5);
    // One of each slab stays lent: none can be given up.
    for (const [i, block] of blocks.entries()) if (i % SLAB_BLOCKS > 0) pool.give(block);
    for (const [i, block] of blocks.entries()) if (i % SLAB_BLOCKS === 0) pool.give(block);
    const again = Array.from({ length: 5 * SLAB_BLOCKS }, () => pool.take());
    expect(new Set(again).size).toBe(5 * SLAB_BLOCKS);
    const kept = new Set(again.map(({ bytes }) => bytes.buffer).filter((one) => slabs.has(one)));
    expect(kept.size).toBe(1);
    expect(pool.lent).toBe(5 * SLAB_BLOCKS);
  });

  it("never lends a block twice, whatever is taken and given back", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 400 }), fc.nat(100), (steps, keepFree) => {
        const pool = new BlockPool(keepFree);
        const lent: Block[] = [];
        for (const step of steps) {
          if (step < 100 || lent.length === 0) {
            const block = pool.take();
            expect(lent).not.toContain(block);
            expect(block.next).toBeNull();
            lent.push(block);
          } else pool.give(lent.splice(step % lent.length, 1)[0]!);
          expect(pool.lent).toBe(lent.length);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("makes blocks in one piece of memory that do not overlap", () => {
    const pool = new BlockPool();
    const blocks = Array.from({ length: BlockPool.SLAB_BLOCKS + 1 }, () => pool.take());
    for (const [i, { bytes }] of blocks.entries()) bytes.fill(i);
    for (const [i, { bytes }] of blocks.entries())
      expect([bytes[0], bytes[BlockPool.BLOCK_BYTES - 1]]).toEqual([i, i]);
    expect(new Set(blocks.map(({ bytes }) => bytes.buffer)).size).toBe(2);
  });

  it("lends no block with another behind it", () => {
    const pool = new BlockPool();
    const [first, second] = [pool.take(), pool.take()];
    first.next = second;
    pool.give(first);
    expect(pool.take().next).toBeNull();
  });
});
