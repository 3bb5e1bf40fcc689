/** docs/log-lines.md explains every line of the log, at its level, and no line that is not written. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { projectSources, withoutComments } from "./sources.js";

const PAGE = readFileSync("docs/log-lines.md", "utf8");

/** A call of a log with a fixed text. */
const WRITTEN = /[lL]og\.(warn|error|info)\(\s*"([^"]+)"/g;
/** A fixed text that a helper passes to a log, always at level `warn`. */
const PASSED = /(?:warnUnlessGone\([\w.#]+,|\.refused\()\s*"([^"]+)"|const failed = "([^"]+)"/g;

/** Level by text, of every line that this source writes. */
function written(source: string): ReadonlyMap<string, string> {
  const code = withoutComments(source);
  const direct = [...code.matchAll(WRITTEN)].map(
    ([, level = "", text = ""]) => [text, level] as const,
  );
  const passed = [...code.matchAll(PASSED)].map(
    ([, text, other = ""]) => [text ?? other, "warn"] as const,
  );
  return new Map([...direct, ...passed]);
}

/** Level by text, of every line that this page explains. */
function explained(page: string): ReadonlyMap<string, string> {
  const rows = page.split("\n").filter((line) => line.startsWith("| `"));
  return new Map(
    rows.flatMap((row) => {
      const [, texts = "", second = ""] = row.split(/\| | \| /);
      const level = second === "warn" || second === "error" ? second : "info";
      return [...texts.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => [text, level] as const);
    }),
  );
}

describe("the page of log lines", () => {
  const all = new Map(projectSources(["src"]).flatMap(({ text }) => [...written(text)]));

  it("explains every line that the sources write, at its level", () => {
    expect(all.size).toBeGreaterThan(140);
    const told = explained(PAGE);
    const missing = [...all].filter(([text, level]) => told.get(text) !== level);
    expect(missing).toEqual([]);
  });

  it("explains no line that the sources do not write", () => {
    expect([...explained(PAGE).keys()].filter((text) => !all.has(text))).toEqual([]);
  });

  it.each([
    ["a line", 'this.#log.warn("sip: gone", { code });'],
    ["a line over two lines", 'log.error(\n  "sip: gone",\n  {}\n);'],
    ["a line of a helper", 'warnUnlessGone(this.#call.log, "sip: gone", error);'],
    ["a line of a constant", 'const failed = "sip: gone";'],
  ])("would not pass without %s", (_, source) => {
    expect([...written(source).keys()]).toEqual(["sip: gone"]);
    expect(explained(PAGE).has("sip: gone")).toBe(false);
  });
});
