/** No file imports itself by way of others, types included: such files can be read only together. */
import { describe, expect, it } from "vitest";
import { imports, projectSources, type Source, targetOf } from "./sources.js";

/** Each group of files that import each other, sorted. */
function circlesOf(files: readonly Source[]): string[][] {
  const known = new Set(files.map(({ path }) => path));
  const edges = new Map(
    files.map(({ path, text }) => [
      path,
      imports(text)
        .filter((specifier) => specifier.startsWith("."))
        .map((specifier) => targetOf(path, specifier))
        .filter((target) => known.has(target)),
    ]),
  );
  const reach = (from: string): ReadonlySet<string> => {
    const seen = new Set<string>();
    const next = [...(edges.get(from) ?? [])];
    for (let file = next.pop(); file !== undefined; file = next.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      next.push(...(edges.get(file) ?? []));
    }
    return seen;
  };
  const reached = new Map([...known].map((path) => [path, reach(path)]));
  const circles = new Map<string, string[]>();
  for (const [path, seen] of reached) {
    if (!seen.has(path)) continue;
    const members = [...seen].filter((other) => reached.get(other)?.has(path) === true).sort();
    circles.set(members.join(" "), members);
  }
  return [...circles.values()];
}

describe("circles between files", () => {
  it.each(["src", "sim", "demo", "dev", "bench"])("there are none in %s", (folder) => {
    const files = projectSources([folder], /\.(?:ts|mjs)$/);
    expect(files.length).toBeGreaterThan(1);
    expect(circlesOf(files)).toEqual([]);
  });

  const a = { path: "src/a.ts", text: 'import type { B } from "./in/b.js";' };
  const b = { path: "src/in/b.ts", text: 'export { c } from "./c.js";' };

  it("are found by way of types and of re-exports", () => {
    const c = { path: "src/in/c.ts", text: 'import { a } from "../a.js";' };
    expect(circlesOf([a, b, c])).toEqual([["src/a.ts", "src/in/b.ts", "src/in/c.ts"]]);
    expect(circlesOf([{ path: "src/a.ts", text: 'import "./a.js";' }])).toEqual([["src/a.ts"]]);
  });

  it("are not seen where two files import the same third", () => {
    const c = { path: "src/in/c.ts", text: 'import { x } from "node:path"; // ../a.js' };
    expect(circlesOf([a, b, c, { path: "src/d.ts", text: 'import "./in/c.js";' }])).toEqual([]);
  });
});
