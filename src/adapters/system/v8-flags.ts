/**
 * Keeps V8's young generation small. A relay's garbage is short-lived and steady, about a kilobyte for every frame that
 * arrives; with V8's default of up to 16 MiB a half the process grows by tens of megabytes, and each collection then
 * stops every call for longer. Must be imported before anything that allocates much: what has grown stays.
 *
 * Whoever sets --max-semi-space-size or --semi-space-growth-factor (NODE_OPTIONS or command line) decides instead.
 */
import { setFlagsFromString } from "node:v8";

const chosen = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].some((flag) =>
  /semi.space/.test(flag),
);
// The size itself is fixed once Node runs; how fast the halves grow from 1 MiB is not.
if (!chosen) setFlagsFromString("--semi-space-growth-factor=1");
