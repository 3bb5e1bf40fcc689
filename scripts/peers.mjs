// `npm run bench:peers`: installs the project's packages first, and those of the other relays when they are needed.
import { ensure, ensurePackages } from "./ensure.mjs";

ensure({ development: true });
const { register } = await import("tsx/esm/api");
register();
const { run } = await import(new URL("../bench/peers/main.ts", import.meta.url).href);
const peers = new URL("../bench/peers/", import.meta.url);
process.exitCode = await run(process.argv.slice(2), () =>
  ensurePackages(peers, { development: false }),
);
