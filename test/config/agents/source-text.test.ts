import { describe, expect, it } from "vitest";
import { pathText, SourceText } from "../../../src/config/agents/source-text.js";

describe("SourceText", () => {
  const text = "a:\n  b: [1, {c: x}]\n  d: &one {e: 2}\nf: *one\ng: |\n  first\n  second\n";
  const source = new SourceText(text);

  it.each([
    [["a", "b", 0], undefined, 2, 7],
    [["a", "b", 1, "c"], undefined, 2, 14],
    [["a", "b", 1, "c"], "key", 2, 11],
    [["a", "none"], undefined, 2, 3],
    [["f", "e"], undefined, 3, 15],
    [["g"], { text: "second" }, 7, 3],
    [["g"], { text: "third" }, 5, 4],
  ] as const)("finds %j (%j) in line %i, column %i", (path, at, line, column) => {
    expect(source.locate(path, at)).toEqual({ line, column });
  });

  it.each([
    ["a: Hello: world", "Put the text in quotes"],
    ["a: {b: x: y}", "Put the text in quotes"],
    ["a: @home", "Put the text in quotes"],
    ["a: {{date}} hello", "Put the text in quotes"],
    ["a:\n\tb: 1", "Indent with spaces"],
    ["a: *none", "*none refers to an anchor that is not there. Put the text in quotes"],
    ["a: !hello there", "Put the text in quotes"],
  ])("says what to do about %j", (broken, hint) => {
    expect(new SourceText(broken).faults[0]?.problem).toContain(hint);
  });

  it("finds texts that end before a #, and no comments", () => {
    const cut = (broken: string) => new SourceText(broken).cutTexts();
    expect(cut("a: b\nc: call room #5 now\nd: [x #y\n  ]\n")).toEqual([
      { line: 2, column: 14, problem: expect.stringContaining("before “#5”") },
      { line: 3, column: 7, problem: expect.stringContaining("before “#y”") },
    ]);
    expect(cut("a: b # why\nc: null #x\nd: b  #x\ne: 'a' #b\nf: |\n  room #5\n#end\n")).toEqual([]);
  });
});

describe("pathText", () => {
  it("writes a path as one would in code", () => {
    expect(pathText(["agents", "support", "tools", 1])).toBe("agents.support.tools[1]");
    expect(pathText(["numbers", "+1555"])).toBe('numbers["+1555"]');
    expect(pathText([])).toBe("");
  });
});
