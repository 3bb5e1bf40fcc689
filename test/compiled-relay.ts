/**
 * Compiles the relay once for all tests that start it as a process: with a TypeScript loader each
 * process takes more than twice the time to start, and some tests start a dozen.
 */
import { execFile } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
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

export default async function compileRelay(project: TestProject): Promise<() => void> {
  const directory = await compile();
  project.provide("compiledRelay", directory);
  project.onTestsRerun(async () => void (await compile()));
  return () => rmSync(directory, { recursive: true, force: true });
}

/** @returns the folder of this process's build, which it deletes at its end. */
export async function compile(): Promise<string> {
  removeLeftovers();
  const directory = resolve(ROOT, `${PREFIX}${process.pid}`);
  const tsc = resolve(ROOT, "node_modules/typescript/bin/tsc");
  // `npm test` has checked the types before.
  const flags = ["--noCheck", "--declaration", "false", "--sourceMap", "false"];
  const args = [tsc, "-p", "tsconfig.build.json", "--outDir", directory, ...flags];
  await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  return directory;
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
