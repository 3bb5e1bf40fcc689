import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const rows = readFileSync("docs/security.md", "utf8")
  .split("\n")
  .flatMap((line) => {
    const found = /^\| ([^|]+) \| .+ \| `(test\/[^`]+)` › (.+) \|$/.exec(line);
    return found === null ? [] : [found.slice(1) as [string, string, string]];
  });

describe("docs/security.md", () => {
  it("has a control for each threat that it names", () => {
    expect(rows.length).toBeGreaterThan(25);
    expect(new Set(rows.map(([threat]) => threat)).size).toBe(rows.length);
  });

  it.each(rows)("names a test that exists, against %s", (_threat, file, name) => {
    expect(existsSync(file)).toBe(true);
    expect(readFileSync(file, "utf8")).toContain(`"${name}"`);
  });
});
