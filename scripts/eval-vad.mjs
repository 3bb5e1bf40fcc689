// `npm run eval:vad`: installs missing packages, then measures the VAD.
import { ensure } from "./ensure.mjs";

ensure({ development: true });
const { register } = await import("tsx/esm/api");
register();
const { main } = await import(new URL("../bench/vad/main.ts", import.meta.url).href);
process.exitCode = await main(process.argv.slice(2));
