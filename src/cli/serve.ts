import { RelayError } from "../domain/errors.js";
import { printConfig } from "./config-command.js";
import type { CliIo } from "./io.js";
import { EXIT_OK, EXIT_USAGE } from "./io.js";
import { loadAll } from "./load.js";

export interface ServeOptions {
  readonly printConfig?: boolean;
  /** Every call is flight-recorded. */
  readonly record?: boolean;
}

/** Runs the relay until a signal ends it. Nothing is started while a setting or the agents file has a fault. */
export async function serve(io: CliIo, options: ServeOptions): Promise<number> {
  if (options.printConfig === true) return printConfig(io);
  const loaded = loadAll(io);
  if (loaded === null) return EXIT_USAGE;

  if (loaded.config.workers > 1) {
    const { superviseWorkers } = await import("./supervise.js");
    return superviseWorkers(io, loaded.config, options.record === true);
  }

  const { createApp } = await import("../app/app.js");
  let app: Awaited<ReturnType<typeof createApp>>;
  try {
    app = await createApp(loaded.config, loaded.agents, { recordFlights: options.record === true });
    await app.start();
  } catch (error) {
    // A port is taken, or the server's native code does not load. Nothing runs yet, and the message says what to do.
    if (!(error instanceof RelayError) || error.code !== "config_invalid") throw error;
    io.err(error.message);
    return EXIT_USAGE;
  }
  return new Promise((resolve, reject) => {
    let signals = 0;
    io.onSignal((signal) => {
      signals++;
      if (signals === 1) {
        io.err(
          `${signal}: accepting no new calls; running calls have ${loaded.config.drainSeconds} s to end. Signal again to stop now.`,
        );
        app
          .drain()
          .then(() => app.stop())
          .then(() => resolve(EXIT_OK), reject);
      } else if (signals === 2) {
        io.err(`${signal}: stopping now`);
        app.stop().then(() => resolve(EXIT_OK), reject);
      }
    });
  });
}
