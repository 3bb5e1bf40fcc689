/**
 * Flags for a process beside or under the sound. V8 compiles and collects garbage in four threads of
 * its own. The thread that carries sound may wait for each of them for a tick of the kernel's clock
 * (4 ms at 250 Hz), for one after the other, whatever their priorities. There is a worker for each
 * core, so that more of these threads would not be quicker either.
 *
 * An operator's --v8-pool-size (NODE_OPTIONS or command line) takes precedence.
 */
export const helperThreadFlags: readonly string[] = flagsBeside(
  process.execArgv,
  process.env["NODE_OPTIONS"],
);

/** @param given  the command line's flags, of which a process that is started inherits none. */
export function flagsBeside(given: readonly string[], nodeOptions = ""): readonly string[] {
  const own = given.filter((flag) => flag.startsWith("--v8-pool-size="));
  return own.length > 0 || nodeOptions.includes("--v8-pool-size") ? own : ["--v8-pool-size=1"];
}
