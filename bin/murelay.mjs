#!/usr/bin/env node
// Runs the built relay if there is one. Without a build, and for commands with simulators, which are never built, it
// runs the sources through tsx.
import { existsSync } from "node:fs";

const built = new URL("../dist/cli.js", import.meta.url);
const SIMULATING = ["demo", "bench", "test", "dev"];
const needsSources = process.argv.slice(2).some((arg) => SIMULATING.includes(arg));
if (existsSync(built) && !needsSources) {
  const { main } = await import(built.href);
  await main(process.argv.slice(2));
} else {
  const { register } = await import("tsx/esm/api");
  register();
  const { main } = await import(new URL("../src/cli.ts", import.meta.url).href);
  await main(process.argv.slice(2));
}
