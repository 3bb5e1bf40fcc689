import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadProblem } from "../../../src/adapters/tools/load-problem.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-load-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function thrownAt(stack: string, message = "boom"): Error {
  return Object.assign(new Error(message), { stack: `Error: ${message}\n${stack}` });
}

it.each([
  ["    at file:///srv/my tools/a.mjs:12:7\n    at node:internal/x:1:2", "boom (a.mjs:12)"],
  ["    at load (/srv/b.cjs:3:1)", "boom (b.cjs:3)"],
  ["    at x (/srv/node_modules/p/i.js:1:1)\n    at y (/srv/c.ts:9:1)", "boom (c.ts:9)"],
  ["    at ModuleJob.run (node:internal/modules/esm/module_job:325:25)", "boom"],
  ["    at load (/srv/murelay/src/adapters/tools/tool-process.ts:44:5)", "boom"],
  ["", "boom"],
])("names the line of the user's own module: %s", (stack, problem) => {
  expect(loadProblem(thrownAt(stack), "/srv/a.mjs")).toBe(problem);
});

it("finds the line of wrong syntax in an ES module, of which the error says nothing", () => {
  const path = join(folder, "wrong.mjs");
  writeFileSync(path, "const a = 1;\n\nexport default {{{\n");
  // As Node throws it: without a frame in the file.
  const error = Object.assign(new SyntaxError("Unexpected token '{'"), { stack: "" });
  expect(loadProblem(error, path)).toBe("Unexpected token '{' (wrong.mjs:3)");
  const right = join(folder, "right.mjs");
  writeFileSync(right, "export default 1;\n");
  expect(loadProblem(error, right)).toBe("Unexpected token '{'");
});

it("leaves a message as it is that says where, and what is no error", () => {
  const said = "Transform failed with 1 error:\n/srv/s.ts:2:16: ERROR: Expected identifier";
  expect(loadProblem(thrownAt("    at /srv/a.mjs:1:1", said), "/srv/s.ts")).toBe(said);
  expect(loadProblem("oops", "/srv/s.ts")).toBe("oops");
});
