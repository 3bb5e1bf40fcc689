// `npm test`: types, lint and every test. Further arguments go to vitest.
//
// Most of the time of the tests that start relays, browsers and databases goes by in real time. So
// that both cores are busy meanwhile, what only computes runs beside them, at a lower priority.
import { spawn } from "node:child_process";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { ensure } from "./ensure.mjs";

ensure({ development: true });
const root = fileURLToPath(new URL("../", import.meta.url));
const given = process.argv.slice(2);
const vitest = (...flags) => ["node_modules/vitest/vitest.mjs", "run", ...flags, ...given];

const checks = [
  ["types", ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"]],
  ["types of the console", ["node_modules/typescript/bin/tsc", "-p", "console/tsconfig.json"]],
  ["lint", ["node_modules/@biomejs/biome/bin/biome", "check", "."]],
];
const waiting = ["tests that wait", vitest("--project", "waiting", "--project", "alone")];
const units = ["unit tests", vitest("--project", "unit", "--maxWorkers", "2")];
// Named files belong to one of the two, and vitest fails where it finds none of them.
const whole = given.every((argument) => argument.startsWith("-"));

const env = { ...process.env, MURELAY_ALL_TESTS: "yes" };
const failed = [];
const started = performance.now();
if (whole) await Promise.all([run(waiting), inTurn([...checks, units], "beside")]);
else await inTurn([...checks, ["tests", vitest()]]);
const took = Math.round((performance.now() - started) / 1000);
console.log(`\n${failed.length === 0 ? "all passed" : `failed: ${failed.join(", ")}`} (${took} s)`);
process.exit(failed.length === 0 ? 0 : 1);

async function inTurn(steps, beside) {
  for (const step of steps) await run(step, beside);
}

/** Output of what runs beside the other tests is kept until it has ended, so that lines do not mix. */
function run([name, args], beside) {
  return new Promise((done) => {
    if (beside === undefined) console.log(`\n— ${name} —`);
    const stdio = beside === undefined ? "inherit" : ["ignore", "pipe", "pipe"];
    const child = spawn(process.execPath, args, { cwd: root, stdio, env });
    const said = [];
    if (beside !== undefined) {
      setPriority(child.pid, 10);
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (part) => said.push(part));
    }
    child.on("close", (status) => {
      if (beside !== undefined) process.stdout.write(`\n— ${name} —\n${Buffer.concat(said)}`);
      if (status !== 0) failed.push(name);
      done();
    });
  });
}
