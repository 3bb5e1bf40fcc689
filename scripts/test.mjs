// `npm test`: types, lint and every test, at the same time. Further arguments go to vitest.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { getPriority, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { ensure } from "./ensure.mjs";

ensure({ development: true });
const root = fileURLToPath(new URL("../", import.meta.url));
const { isTTY = false } = process.stdout;
const TSC = ["node_modules/typescript/bin/tsc", "--pretty", String(isTTY)];
const BIOME = "node_modules/@biomejs/biome/bin/biome";
const CHECKS = [
  ["types", [...TSC, "-p", "tsconfig.json"]],
  ["types of the console", [...TSC, "-p", "console/tsconfig.json"]],
  ["lint", [BIOME, "check", `--colors=${isTTY ? "force" : "off"}`, "."]],
];
const VITEST = ["node_modules/vitest/vitest.mjs", "run", ...process.argv.slice(2)];
/** The checks leave the cores to the tests, of which some wait for audio in real time. */
const LOWER_PRIORITY = 10;
const failed = [];

/** @returns all that the check printed, under its name. */
async function check([name, args]) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  // Not above the tests themselves, which may have been started with a low one.
  setPriority(child.pid, Math.max(getPriority(), LOWER_PRIORITY));
  let printed = `\n— ${name} —\n`;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => {
      printed += text;
    });
  const [status] = await once(child, "close");
  if (status !== 0) failed.push(name);
  return printed;
}

async function test() {
  console.log("\n— tests —");
  const child = spawn(process.execPath, VITEST, { cwd: root, stdio: "inherit" });
  const [status] = await once(child, "close");
  if (status !== 0) failed.push("tests");
}

const tests = test();
// On a terminal the tests' report moves the cursor: what is printed meanwhile would be lost.
const shown = CHECKS.map(async (one) => {
  const printed = await check(one);
  if (isTTY) await tests;
  console.log(printed.trimEnd());
});
await Promise.all([tests, ...shown]);
console.log(failed.length === 0 ? "\nall passed" : `\nfailed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
