// `npm start`, `npm run demo`, `npm run bench`: installs missing packages, then runs the command in
// this process, so that signals and the process id are the relay's own. The scripts begin with
// `exec`: npm passes a signal to its shell, which would end and leave the relay running.
import { ensure } from "./ensure.mjs";

ensure({ development: false });
const { register } = await import("tsx/esm/api");
register();
const { main } = await import(new URL("../src/cli.ts", import.meta.url).href);
await main(process.argv.slice(2));
