/**
 * Every module of src with logic is imported by a test of the mirrored folder: a test of the whole
 * relay shows that something is wrong, and a module's own test shows what.
 */
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { imports, projectSources, type Source, targetOf } from "./sources.js";
import { tokensOf } from "./tokens.js";

/** A module without functions holds types or constants: there is nothing to run. */
function hasLogic(text: string): boolean {
  const tokens = tokensOf(text).filter(({ kind }) => kind !== "comment");
  return tokens.some(({ text: word }, index) => {
    if (word === "class" || word === "function") return true;
    if (word !== "=>") return false;
    // In a type, an arrow follows `: (…)` of an interface and the like. A value is assigned.
    return !isTypesArrow(tokens.slice(0, index).map((token) => token.text));
  });
}

/** Whether the arrow behind these tokens stands in an interface or in a type of its own. */
function isTypesArrow(before: readonly string[]): boolean {
  let depth = 0;
  for (let at = before.length - 1; at >= 0; at--) {
    const word = before[at]!;
    if (/^[)\]}]$/.test(word)) depth++;
    else if (/^[([{]$/.test(word)) depth--;
    if (depth > 0) continue;
    if (word === "type" || word === "interface") return true;
    if (word === "const" || word === "let" || word === "return") return false;
  }
  return false;
}

/** The modules of `src` that no test beside their mirrored place imports. */
function untested(modules: readonly Source[], tests: readonly Source[]): string[] {
  const tested = new Set(
    tests.flatMap(({ path, text }) =>
      imports(text)
        .map((specifier) => targetOf(path, specifier))
        .filter((target) => mirrors(path, target)),
    ),
  );
  // A test that is named after the module may reach it through a fake.
  const named = new Set(
    tests.map(({ path }) => path.replace(/^test/, "src").replace(/\.test\.ts$/, ".ts")),
  );
  return modules
    .filter(({ path, text }) => !tested.has(path) && !named.has(path) && hasLogic(text))
    .map(({ path }) => path)
    .sort();
}

/** A test may lie in the mirrored folder, or in one below it: `test/relay/sip`, `src/relay`. */
function mirrors(test: string, module: string): boolean {
  const folder = posix.dirname(module).replace(/^src/, "test");
  return test.startsWith(`${folder}/`);
}

describe("tests of their own", () => {
  it("are there for every module with logic", () => {
    const tests = projectSources(["test"], /\.test\.ts$/).filter(
      ({ path }) => !path.startsWith("test/e2e/"),
    );
    const modules = projectSources(["src"]);
    expect(modules.length).toBeGreaterThan(200);
    expect(untested(modules, tests)).toEqual([]);
  });

  const module = { path: "src/relay/sip/refer.ts", text: "export function refer() {}" };
  const test = (path: string) => ({
    path,
    text: `import { refer } from "${"../".repeat(path.split("/").length - 1)}${module.path.replace(".ts", ".js")}";`,
  });

  it("are missed where no test imports the module, or only one of another folder", () => {
    expect(untested([module], [])).toEqual([module.path]);
    expect(untested([module], [test("test/http/refer.test.ts")])).toEqual([module.path]);
    expect(untested([module], [test("test/relay/sip/refer.test.ts")])).toEqual([]);
  });

  it.each([
    ["a class", "export class A {}", true],
    ["an arrow function", "export const f = (a: number): number => a;", true],
    ["types", "export interface A {\n  run(f: (a: number) => void): void;\n}", false],
    ["a function's type", "export type F = (a: number) => void;", false],
    ["constants", '/** A class of its own. */\nexport const A = "=> function";', false],
  ])("are wanted for %s: %s", (_, text, wanted) => {
    expect(hasLogic(text)).toBe(wanted);
  });
});
