import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coreMemory } from "../../src/codec/audio-core.js";
import { BlockPool } from "../../src/playout/block-pool.js";
import { JitterBuffer } from "../../src/playout/jitter-buffer.js";

const BLOCK = BlockPool.BLOCK_BYTES;

function bytes(n: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: n }, (_, i) => (i * 31 + seed) & 0xff);
}

function taken(buffer: JitterBuffer, n: number): number[] {
  return [...coreMemory.subarray(buffer.takenAt, buffer.takenAt + n)];
}

describe("JitterBuffer", () => {
  it("gives back what it took, in order, whatever the sizes", () => {
    const size = fc.integer({ min: 0, max: 3 * BLOCK });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), size), { maxLength: 30 }), (steps) => {
        const pool = new BlockPool();
        const buffer = new JitterBuffer(pool, 8 * BLOCK);
        const expected: number[] = [];
        for (const [isPush, n] of steps) {
          if (isPush) {
            const pushed = buffer.push(bytes(n + 3, n), 3, n + 3);
            expect(pushed).toBe(Math.min(n, 8 * BLOCK - expected.length));
            expected.push(...bytes(n + 3, n).subarray(3, 3 + pushed));
          } else {
            const given = buffer.take(n);
            expect(given).toBe(Math.min(n, BLOCK, expected.length));
            expect(taken(buffer, given)).toEqual(expected.splice(0, given));
          }
          expect(buffer.length).toBe(expected.length);
          expect(buffer.roomBytes).toBe(8 * BLOCK - expected.length);
        }
        buffer.clear();
        expect(pool.lent).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it("holds memory for what waits, and none when it is empty", () => {
    const pool = new BlockPool();
    const buffer = new JitterBuffer(pool, 100 * BLOCK);
    buffer.push(bytes(2 * BLOCK + 1), 0, 2 * BLOCK + 1);
    expect(pool.lent).toBe(3);
    for (const lent of [2, 1, 0]) {
      buffer.take(BLOCK);
      expect(pool.lent).toBe(lent);
    }
  });

  it("refuses what is past its limit", () => {
    const buffer = new JitterBuffer(new BlockPool(), 100);
    expect(buffer.push(bytes(80), 0, 80)).toBe(80);
    expect(buffer.push(bytes(80), 0, 80)).toBe(20);
    expect(buffer.push(bytes(80), 0, 80)).toBe(0);
  });

  it("drops what waits and says how much", () => {
    const pool = new BlockPool();
    const buffer = new JitterBuffer(pool, 10_000);
    buffer.push(bytes(5000), 0, 5000);
    expect(buffer.clear()).toBe(5000);
    expect([buffer.length, pool.lent]).toEqual([0, 0]);
    expect(buffer.clear()).toBe(0);
  });
});
