import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_OUTPUT_CHARS, resultText } from "../../src/tools/result-text.js";

const cycle: Record<string, unknown> = { a: 1 };
cycle["self"] = cycle;

class Order {
  readonly number = 7;
  get total(): number {
    throw new Error("password=hunter2");
  }
}

describe("a tool's result", () => {
  it("is text as it is, never empty", () => {
    expect(resultText("plain words")).toBe("plain words");
    expect(resultText("")).toBe('""');
  });

  it.each<[string, unknown, string]>([
    ["undefined", undefined, "null"],
    ["a function", () => 1, "null"],
    ["a symbol", Symbol("s"), "null"],
    ["not a number", Number.NaN, "null"],
    ["a BigInt", { cents: 12_345_678_901_234_567_890n }, '{"cents":"12345678901234567890"}'],
    ["a cycle", cycle, '{"a":1,"self":"[circular]"}'],
    ["a date", { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    [
      "a toJSON that throws",
      {
        toJSON: () => {
          throw new Error("no");
        },
      },
      '"[unreadable]"',
    ],
    ["members that JSON leaves out", { a: undefined, b: () => 1, c: 1 }, '{"c":1}'],
    ["holes", [1, undefined, 3], "[1,null,3]"],
    ["the same object twice, which is no cycle", [{ a: 1 }, { a: 1 }], '[{"a":1},{"a":1}]'],
  ])("that is %s has a text", (_what, value, text) => {
    expect(resultText(value)).toBe(text);
  });

  it("leaves out what cannot be read, and says nothing of why", () => {
    const order = new Order();
    Object.defineProperty(order, "total", {
      enumerable: true,
      get: () => {
        throw new Error("hunter2");
      },
    });
    expect(resultText(order)).toBe('{"number":7,"total":"[unreadable]"}');
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("hunter2");
        },
      },
    );
    expect(resultText({ hostile })).toBe('{"hostile":"[unreadable]"}');
  });

  it("goes only so deep", () => {
    let deep: unknown = "innermost";
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(resultText(deep)).toContain("[too deep]");
  });

  it("is cut, visibly", () => {
    const text = resultText("x".repeat(10_000_000));
    expect(text.length).toBeLessThanOrEqual(MAX_OUTPUT_CHARS);
    expect(text).toContain("cut: 10000000 characters");
    const list = resultText(Array.from({ length: 100_000 }, (_, i) => ({ i })));
    expect(list.length).toBeLessThanOrEqual(MAX_OUTPUT_CHARS);
    expect(list).toContain("cut: more than 16384 characters");
    const long = resultText({ text: '"'.repeat(5_000_000) });
    expect(long.length).toBeLessThanOrEqual(MAX_OUTPUT_CHARS);
    expect(long).toContain("cut:");
  });

  it("does not walk through what would not be shown", () => {
    let read = 0;
    const item = {
      get value() {
        read++;
        return "x".repeat(100);
      },
    };
    resultText(Array.from({ length: 1_000_000 }, () => item));
    expect(read).toBeLessThan(1_000);
  });

  it("is what JSON.stringify says, wherever that says something short", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        if (typeof value === "string") return;
        expect(resultText(value)).toBe(JSON.stringify(value));
      }),
    );
  });
});
