import { exposition } from "../adapters/metrics/exposition.js";
import { ProcessMetrics } from "../adapters/metrics/process-metrics.js";
import { createLog } from "../adapters/system/pino-log.js";
import { systemClock } from "../adapters/system/system-clock.js";
import type { Config } from "../config/load.js";
import { RelayError } from "../domain/errors.js";
import { forkWorker, type Program } from "../supervisor/fork-worker.js";
import { OperatorProxy } from "../supervisor/operator-proxy.js";
import { Supervisor, WorkerRefused } from "../supervisor/supervisor.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";

/** Runs WORKERS relay processes until a signal ends them. This process carries no call. */
export async function superviseWorkers(
  io: CliIo,
  config: Config,
  record: boolean,
): Promise<number> {
  const log = createLog({ level: config.logLevel, pretty: config.logPretty });
  const program = thisProgram(record ? ["--record"] : []);
  const supervisor = new Supervisor(
    { workers: config.workers, publicPort: config.port, drainSeconds: config.drainSeconds },
    { clock: systemClock, log, spawn: (_worker, events) => forkWorker(program, events) },
  );
  const own = new ProcessMetrics("supervisor");
  const operators = new OperatorProxy({
    readiness: () => supervisor.readiness(),
    metrics: async () => exposition(supervisor.snapshots(), await own.scrape()),
    workers: (callSid) => supervisor.adminPorts(callSid),
    clock: systemClock,
    log,
  });
  const ended = new Promise<number>((resolve, reject) => {
    let signals = 0;
    io.onSignal((signal) => {
      signals++;
      if (signals > 2) return;
      io.err(
        signals === 1
          ? `${signal}: accepting no new calls; running calls have ${config.drainSeconds} s to end. Signal again to stop now.`
          : `${signal}: stopping now`,
      );
      const over = signals === 1 ? supervisor.drain() : supervisor.stop();
      over.then(() => resolve(EXIT_OK), reject);
    });
  });
  try {
    const adminPort = await operators.listen(config.adminHost, config.adminPort);
    const publicPort = await Promise.race([supervisor.start(), ended.then(() => 0)]);
    if (publicPort !== 0)
      log.info("supervisor: listening", {
        workers: config.workers,
        host: config.host,
        port: publicPort,
        adminHost: config.adminHost,
        adminPort,
      });
    return await ended;
  } catch (error) {
    const known =
      error instanceof WorkerRefused ||
      (error instanceof RelayError && error.code === "config_invalid");
    if (!known) throw error;
    io.err(error.message);
    return EXIT_USAGE;
  } finally {
    operators.close();
  }
}

/** Workers are started as this process was, with the same loaders and flags. */
function thisProgram(workerArgs: readonly string[]): Program {
  const [, script = "", ...args] = process.argv;
  const at = args.findIndex((arg) => arg === "--settings" || arg.startsWith("--settings="));
  const globalArgs = at < 0 ? [] : args.slice(at, at + (args[at] === "--settings" ? 2 : 1));
  return { script, execArgv: process.execArgv, globalArgs, workerArgs };
}
