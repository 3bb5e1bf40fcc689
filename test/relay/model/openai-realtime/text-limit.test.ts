import { describe, expect, it } from "vitest";
import type { ItemId } from "../../../../src/domain/ids.js";
import {
  cutText,
  MAX_ITEM_CHARS,
  TextLimit,
} from "../../../../src/relay/model/openai-realtime/text-limit.js";

const item = (n: number) => `item_${n}` as ItemId;

describe("TextLimit", () => {
  it("lets through as much of a growing text as fits, and of another item anew", () => {
    const limit = new TextLimit();
    const half = "x".repeat(MAX_ITEM_CHARS - 2);
    expect(limit.addition(item(1), half)).toBe(half);
    expect(limit.addition(item(1), "abc")).toBe("ab");
    expect(limit.addition(item(1), "d")).toBe("");
    expect(limit.addition(item(2), "e")).toBe("e");
  });

  it("cuts a whole text, and lets nothing through that comes after it", () => {
    const limit = new TextLimit();
    limit.addition(item(1), "x".repeat(MAX_ITEM_CHARS));
    expect(limit.whole(item(1), "y".repeat(MAX_ITEM_CHARS + 9))).toHaveLength(MAX_ITEM_CHARS);
    expect(limit.addition(item(1), "z")).toBe("");
    expect(limit.addition(item(2), "z")).toBe("z");
    expect(limit.whole(item(1), "again")).toBe("again");
    expect(limit.whole(item(3), "never grew")).toBe("never grew");
    expect(limit.addition(item(3), "z")).toBe("");
  });

  it("forgets the oldest of many items", () => {
    const limit = new TextLimit();
    limit.addition(item(0), "x".repeat(MAX_ITEM_CHARS));
    for (let n = 1; n <= 8; n++) limit.addition(item(n), "x");
    expect(limit.addition(item(0), "y")).toBe("y");
    expect(limit.addition(item(8), "x".repeat(MAX_ITEM_CHARS))).toHaveLength(MAX_ITEM_CHARS - 1);
  });
});

describe("cutText", () => {
  it("never leaves half of a surrogate pair", () => {
    expect(cutText("ab😀", 3)).toBe("ab");
    expect(cutText("ab😀", 4)).toBe("ab😀");
    expect(cutText("abc", 0)).toBe("");
  });
});
