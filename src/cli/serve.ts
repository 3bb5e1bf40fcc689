import { printConfig } from "./config-command.js";
import { type CliIo, EXIT_USAGE } from "./io.js";
import { loadAll } from "./load.js";

export interface ServeOptions {
  readonly printConfig?: boolean;
  /** Every call is flight-recorded. */
  readonly record?: boolean;
}

/**
 * Runs the relay until a signal ends it: one or more workers under a supervisor. Nothing is started
 * while a setting or the agents file has a fault.
 */
export async function serve(io: CliIo, options: ServeOptions): Promise<number> {
  if (options.printConfig === true) return printConfig(io);
  const loaded = loadAll(io);
  if (loaded === null) return EXIT_USAGE;
  for (const notice of io.notices ?? []) io.err(notice);
  const { superviseWorkers } = await import("./supervise.js");
  return superviseWorkers(io, loaded, options.record === true);
}
