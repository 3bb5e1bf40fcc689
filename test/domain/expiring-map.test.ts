import { describe, expect, it } from "vitest";
import { ExpiringMap, type Removal } from "../../src/domain/expiring-map.js";

describe("an expiring map", () => {
  it("returns an entry until its time is over, and not at that instant", () => {
    const map = new ExpiringMap<string, number>({ ttlMs: 100 });
    map.set("a", 1, 0);
    expect(map.get("a", 99)).toBe(1);
    expect(map.has("a", 99)).toBe(true);
    expect(map.get("a", 100)).toBeUndefined();
    expect(map.has("a", 100)).toBe(false);
  });

  it("gives a value that is set again a full time from then on", () => {
    const map = new ExpiringMap<string, number>({ ttlMs: 100 });
    map.set("a", 1, 0);
    map.set("a", 2, 90);
    expect(map.get("a", 150)).toBe(2);
  });

  it("never returns an expired entry that stands behind one with a longer time", () => {
    const map = new ExpiringMap<string, number>({ ttlMs: 100 });
    map.set("long", 1, 0, 1_000);
    map.set("short", 2, 0, 10);
    map.sweep(500);
    expect(map.get("short", 500)).toBeUndefined();
    expect([...map.values(500)]).toEqual([1]);
  });

  it("takes memory back with the next entry, and tells of each that it removes", () => {
    const removed: [string, number, Removal][] = [];
    const map = new ExpiringMap<string, number>({
      ttlMs: 100,
      maxSize: 2,
      onRemoved: (key, value, why) => void removed.push([key, value, why]),
    });
    map.set("a", 1, 0);
    map.set("b", 2, 50);
    map.set("c", 3, 120);
    map.set("d", 4, 130);
    expect(map.size).toBe(2);
    expect(removed).toEqual([
      ["a", 1, "expired"],
      ["b", 2, "full"],
    ]);
  });

  it("takes an entry once, and says nothing of one that is deleted", () => {
    const removed: string[] = [];
    const map = new ExpiringMap<string, number>({
      ttlMs: 100,
      onRemoved: (key) => void removed.push(key),
    });
    map.set("a", 1, 0);
    map.set("b", 2, 0);
    expect(map.take("a", 1)).toBe(1);
    expect(map.take("a", 1)).toBeUndefined();
    map.delete("b");
    expect([map.size, removed]).toEqual([0, []]);
    map.set("c", 3, 0);
    expect(map.take("c", 100)).toBeUndefined();
    expect(map.size).toBe(0);
  });
});
