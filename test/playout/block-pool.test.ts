import { describe, expect, it } from "vitest";
import { BlockPool } from "../../src/playout/block-pool.js";

describe("BlockPool", () => {
  it("lends the blocks that came back before it makes new ones", () => {
    const pool = new BlockPool();
    const block = pool.take();
    expect(block).toHaveLength(BlockPool.BLOCK_BYTES);
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
    const [first, second] = [pool.take(), pool.take()];
    pool.give(first);
    pool.give(second);
    expect(pool.take()).toBe(first);
    expect(pool.take()).not.toBe(second);
  });
});
