/** The files that a tool module is made of: itself, and what it imports from the project. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** More files than a tool has: a project that imports a generated tree is not read for ever. */
const MOST_FILES = 500;
const MOST_BYTES = 1024 * 1024;
const SCRIPT = /\.[cm]?[jt]sx?$/;
/** `from "./a"`, `import "./a"`, `import("./a")`, `require("./a")`. */
const SPECIFIER = /\b(?:from|import|require)\s*\(?\s*["'](\.{1,2}\/[^"'\n]+)["']/g;
/** What an import without an extension may mean, and `.js` that is written in TypeScript. */
const EXTENSIONS = [
  "",
  ".js",
  ".mjs",
  ".cjs",
  ".ts",
  ".mts",
  ".cts",
  ".json",
  "/index.js",
  "/index.ts",
];

/**
 * @param modules  absolute paths.
 * @returns        them and every file of the project that they import, directly or not. A file that
 *                 is not there is in the list, so that its return is noticed.
 */
export function moduleFiles(modules: readonly string[]): readonly string[] {
  const files = new Set(modules);
  // A set is iterated with what is added meanwhile.
  for (const file of files) {
    if (files.size >= MOST_FILES) break;
    for (const imported of importsOf(file)) files.add(imported);
  }
  return [...files];
}

function importsOf(file: string): readonly string[] {
  if (!SCRIPT.test(file)) return [];
  let text: string;
  try {
    if (statSync(file).size > MOST_BYTES) return [];
    text = readFileSync(file, "utf8");
  } catch {
    // Not there, or not to be read: loading the module says so.
    return [];
  }
  return [...text.matchAll(SPECIFIER)].map(([, specifier = ""]) =>
    fileAt(resolve(dirname(file), specifier)),
  );
}

function fileAt(path: string): string {
  const typed = path.replace(/\.([cm]?)js$/, ".$1ts");
  const candidates = [...EXTENSIONS.map((extension) => path + extension), typed];
  return candidates.find((one) => existsSync(one) && statSync(one).isFile()) ?? path;
}
