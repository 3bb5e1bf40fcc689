import { describe, expect, it } from "vitest";
import { BlockPool } from "../../src/playout/block-pool.js";

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

  it("keeps no more blocks than it was told to", () => {
    const pool = new BlockPool(1);
    const blocks = Array.from({ length: BlockPool.SLAB_BLOCKS }, () => pool.take());
    for (const block of blocks) pool.give(block);
    expect(pool.take()).toBe(blocks[0]);
    expect(blocks).not.toContain(pool.take());
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
