// `npm start`, `npm run demo`, `npm run bench`: installs what is missing, then runs the command in this very process,
// so that signals and process ids are the relay's own.
import { ensure } from "./ensure.mjs";

ensure({ development: false });
const { register } = await import("tsx/esm/api");
register();
const { main } = await import(new URL("../src/cli.ts", import.meta.url).href);
await main(process.argv.slice(2));
