/**
 * Compiles the relay once for all tests that start it as a process: with a TypeScript loader each
 * process takes more than twice the time to start, and some tests start a dozen.
 */
import { execFile } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build, type PluginBuild } from "esbuild";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of the compiled relay, as `dist`. */
    readonly compiledRelay: string;
  }
}

/** Beside `src`, so that files are found from it as they are from `dist`. */
const PREFIX = ".test-build-";
const ROOT = resolve(import.meta.dirname, "..");
/** What is started as a process or thread of its own, as each test does. */
const ENTRIES = [
  "cli.js",
  "config/agents/agents-process.js",
  "adapters/store/record-thread.js",
  "adapters/tools/tool-launcher.js",
  "adapters/tools/tool-process.js",
];
/** They find files of their own beside themselves, or are there once for a process. */
const APART = ["libsql", "libsql/promise", "uWebSockets.js", "pg-native"];
/** For packages in CommonJS. */
const REQUIRE = `import { createRequire as makeRequire } from "node:module";
const require = makeRequire(import.meta.url);`;

/** Several projects of one run need it. */
let setUp: Promise<string> | null = null;

export default async function compileRelay(project: TestProject): Promise<() => void> {
  setUp ??= compile();
  const directory = await setUp;
  project.onTestsRerun(async () => void (await compile()));
  return () => rmSync(directory, { recursive: true, force: true });
}

/** The folder of this process's build. */
export function buildFolder(): string {
  return resolve(ROOT, `${PREFIX}${process.pid}`);
}

/** @returns the folder of this process's build, which it deletes at its end. */
export async function compile(): Promise<string> {
  removeLeftovers();
  const directory = buildFolder();
  const tsc = resolve(ROOT, "node_modules/typescript/bin/tsc");
  // `npm test` checks the types at the same time.
  const flags = ["--noCheck", "--declaration", "false", "--sourceMap", "false"];
  const args = [tsc, "-p", "tsconfig.build.json", "--outDir", directory, ...flags];
  await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  await bundle(directory);
  return directory;
}

/** Joins the compiled modules and their packages: Node takes longer to find and to read a thousand files. */
async function bundle(directory: string): Promise<void> {
  await build({
    entryPoints: ENTRIES.map((entry) => join(directory, entry)),
    outbase: directory,
    outdir: directory,
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    external: APART,
    banner: { js: REQUIRE },
    logLevel: "error",
    plugins: [
      { name: "own addresses", setup: (made) => keepAddresses(made, directory) },
      { name: "unused products", setup: leaveUnusedProducts },
    ],
  });
}

/** A module says where it is as if it were still a file of its own. */
function keepAddresses(made: PluginBuild, directory: string): void {
  made.onLoad({ filter: /\.js$/ }, async ({ path }) => {
    if (!path.startsWith(directory)) return null;
    const address = JSON.stringify(pathToFileURL(path).href);
    const contents = (await readFile(path, "utf8")).replaceAll("import.meta.url", address);
    return { contents, loader: "js" };
  });
}

/** Of Twilio's: eight megabytes of clients, each of which is loaded when it is first used. */
function leaveUnusedProducts(made: PluginBuild): void {
  made.onResolve({ filter: /^\.\/[A-Z]/ }, ({ importer, path, resolveDir }) => {
    if (!importer.endsWith("/twilio/lib/rest/Twilio.js") || path === "./Api") return null;
    return { path: `${join(resolveDir, path)}.js`, external: true };
  });
}

/** Of runs that were killed. */
function removeLeftovers(): void {
  for (const name of readdirSync(ROOT)) {
    if (!name.startsWith(PREFIX) || isRunning(Number(name.slice(PREFIX.length)))) continue;
    rmSync(resolve(ROOT, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
