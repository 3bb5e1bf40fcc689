import { beforeEach, describe, expect, it } from "vitest";
import type { OwnershipChange } from "../../../src/adapters/cluster/owner-table.js";
import { OwnershipWriter } from "../../../src/adapters/cluster/ownership-writer.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { testSid } from "../../fakes/record-events.js";

let clock: FakeClock;
let stored: (readonly [sid: string, change: OwnershipChange])[][];
let away: boolean;
let writer: OwnershipWriter;
beforeEach(() => {
  clock = new FakeClock();
  stored = [];
  away = false;
  writer = new OwnershipWriter(clock, async (changes) => {
    if (away) throw new Error("away");
    stored.push([...changes]);
  });
});
const settle = async () => await new Promise((resolve) => setImmediate(resolve));
const advance = async (ms: number) => {
  clock.advance(ms);
  await settle();
};

describe("OwnershipWriter", () => {
  it("writes the changes of 20 ms together", async () => {
    writer.change(testSid(1), "claim");
    await advance(19);
    writer.change(testSid(2), "claim");
    expect(stored).toEqual([]);
    await advance(1);
    expect(stored).toEqual([
      [
        [testSid(1), "claim"],
        [testSid(2), "claim"],
      ],
    ]);
    expect(clock.pending).toBe(0);
  });

  it("writes only the latest change of a call", async () => {
    writer.change(testSid(1), "claim");
    writer.change(testSid(1), "release");
    await advance(20);
    expect(stored).toEqual([[[testSid(1), "release"]]]);
  });

  it("tries again every second while the database is away, with what came meanwhile", async () => {
    away = true;
    writer.change(testSid(1), "claim");
    await advance(20);
    writer.change(testSid(2), "claim");
    away = false;
    await advance(999);
    expect(stored).toEqual([]);
    await advance(1);
    expect(stored.flat()).toHaveLength(2);
  });

  it("writes a change again that was replaced while it was being stored", async () => {
    const slow: (() => void)[] = [];
    const seen: OwnershipChange[] = [];
    const slowWriter = new OwnershipWriter(clock, async (changes) => {
      seen.push(...changes.values());
      await new Promise<void>((resolve) => slow.push(resolve));
    });
    slowWriter.change(testSid(1), "claim");
    await advance(20);
    slowWriter.change(testSid(1), "release");
    slow.shift()?.();
    await settle();
    await advance(20);
    expect(seen).toEqual(["claim", "release"]);
  });

  it("drops the oldest changes beyond 50,000", async () => {
    for (let n = 0; n <= 50_000; n++) writer.change(testSid(n), "claim");
    await advance(20);
    expect(stored[0]).toHaveLength(50_000);
    expect(stored[0]?.[0]?.[0]).toBe(testSid(1));
  });

  it("writes what is left when it stops, and nothing afterwards", async () => {
    writer.change(testSid(1), "claim");
    await writer.stop();
    expect(stored).toHaveLength(1);
    writer.change(testSid(2), "claim");
    expect(clock.pending).toBe(0);
  });
});
