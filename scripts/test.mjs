// `npm test`: types, lint and every test. Further arguments go to vitest.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ensure } from "./ensure.mjs";

ensure({ development: true });
const root = fileURLToPath(new URL("../", import.meta.url));
const steps = [
  ["types", ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"]],
  ["types of the console", ["node_modules/typescript/bin/tsc", "-p", "console/tsconfig.json"]],
  ["lint", ["node_modules/@biomejs/biome/bin/biome", "check", "."]],
  ["tests", ["node_modules/vitest/vitest.mjs", "run", ...process.argv.slice(2)]],
];
const failed = [];
for (const [name, args] of steps) {
  console.log(`\n— ${name} —`);
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) failed.push(name);
}
console.log(failed.length === 0 ? "\nall passed" : `\nfailed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
