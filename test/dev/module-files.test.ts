import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { moduleFiles } from "../../dev/module-files.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-modules-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}
const found = (...modules: string[]) =>
  moduleFiles(modules.map((name) => join(folder, name))).map((file) =>
    file.slice(folder.length + 1),
  );

it("finds what a module imports, and what that imports", () => {
  write({
    "tools/a.mjs": `import { b } from "../lib/b.js";\nimport data from './data.json' with {type: "json"};\nimport x from "murelay";`,
    "lib/b.js": `export * from "./c";\nconst lazy = () => import("./d.mjs");`,
    "lib/c.ts": `const e = require('./e');`,
    "lib/d.mjs": "",
    "lib/e/index.js": "",
    "tools/data.json": `{"from": "./none.js"}`,
  });
  expect(found("tools/a.mjs")).toEqual([
    "tools/a.mjs",
    "lib/b.js",
    "tools/data.json",
    "lib/c.ts",
    "lib/d.mjs",
    "lib/e/index.js",
  ]);
});

it("finds the TypeScript behind .js, ends in a circle, and keeps what is missing", () => {
  write({ "a.ts": `import "./b.js"; import "./gone.js";`, "b.ts": `import "./a.js";` });
  expect(found("a.ts", "none.mjs")).toEqual(["a.ts", "none.mjs", "b.ts", "gone.js"]);
});
