import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Release } from "../fakes/relay-node.js";

const ROOT = resolve(import.meta.dirname, "../..");

/** The last commit before the migrations, commands and settings of the release in work. */
export const PREVIOUS_RELEASE = "41e61e1d3aa96b8d6019d4fce4dc0795fb64dfd7";

/** What that release logs once all of its workers listen. */
const LISTENING = '"workers listen"';

export interface OldRelease extends Release {
  /** To be removed. */
  readonly folder: string;
}

/**
 * Compiles the relay of another commit in a folder of its own, with the packages that its lock file
 * names.
 *
 * @throws Error when the repository does not have the commit, or it does not compile.
 */
export function compileRelease(commit: string): OldRelease {
  const folder = mkdtempSync(join(tmpdir(), "murelay-release-"));
  const git = (...args: string[]): Buffer =>
    execFileSync("git", args, { cwd: ROOT, maxBuffer: 256 * 1024 * 1024 });
  execFileSync("tar", ["-x", "-C", folder], { input: git("archive", commit) });
  if (productionPackages(folder) === productionPackages(ROOT))
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  else execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--silent"], { cwd: folder });
  const build = join(folder, "dist");
  mkdirSync(build);
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const flags = ["--noCheck", "--declaration", "false", "--sourceMap", "false", "--outDir", build];
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", ...flags], { cwd: folder });
  return { folder, build, listening: LISTENING };
}

/** Name and version of each package of the lock file that is not for development alone. */
function productionPackages(folder: string): string {
  const text = execFileSync("cat", [join(folder, "package-lock.json")], { encoding: "utf8" });
  const { packages } = JSON.parse(text) as {
    packages: Record<string, { readonly version?: string; readonly dev?: boolean }>;
  };
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== "" && dev !== true)
    .map(([path, { version }]) => `${path} ${version}`)
    .join("\n");
}
