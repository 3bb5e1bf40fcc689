import { createServer } from "node:net";
import { setTimeout } from "node:timers/promises";
import { exposition } from "../adapters/metrics/exposition.js";
import { ProcessMetrics } from "../adapters/metrics/process-metrics.js";
import { ownDescriptors } from "../adapters/system/descriptors.js";
import { helperThreadFlags, lowerHelperThreads } from "../adapters/system/helper-threads.js";
import { createLog } from "../adapters/system/pino-log.js";
import { systemClock } from "../adapters/system/system-clock.js";
import { youngGenerationFlags } from "../adapters/system/v8-flags.js";
import { type AgentsPart, partsOf, withOperators } from "../config/agents/agents-parts.js";
import { readAgentsParts, readOperatorsApart } from "../config/agents/read-apart.js";
import { ownListener } from "../config/derived.js";
import type { Config } from "../config/load.js";
import { configuredOperators } from "../config/operators-file.js";
import { errorCodeOf, portRefused, RelayError } from "../domain/errors.js";
import { mayReadHealth } from "../http/operator-auth.js";
import { type NamedOperator, OperatorDirectory } from "../http/operator-directory.js";
import { StandInServer } from "../http/stand-in-server.js";
import type { Log } from "../ports/log.js";
import { forkWorker, type Program } from "../supervisor/fork-worker.js";
import { OperatorProxy } from "../supervisor/operator-proxy.js";
import { Supervisor, WorkerRefused } from "../supervisor/supervisor.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";
import type { Loaded } from "./load.js";
import {
  ignoreUserSignals,
  makeFilesPrivate,
  onHangup,
  onQuit,
  onUncaughtError,
} from "./process-signals.js";

/** Workers of a supervisor that was killed close the port within this. */
const PORT_TRIES = 20;
const PORT_RETRY_MS = 100;
/** No caller waits for what they do. */
const HELPERS_LOWER_BY = 10;

/** Runs WORKERS relay processes until a signal ends them. This process carries no calls. */
export async function superviseWorkers(
  io: CliIo,
  { config, agents }: Loaded,
  record: boolean,
): Promise<number> {
  const log = createLog({ level: config.logLevel, pretty: config.logPretty }).child({
    node: config.nodeName,
  });
  const program = programOf(process, record ? ["--record"] : []);
  const operatorsFile = operatorsOf(io, config);
  if (operatorsFile === null) return EXIT_USAGE;
  const { directory } = operatorsFile;
  const supervisor = new Supervisor(
    {
      workers: config.workers,
      publicPort: config.port,
      drainSeconds: config.drainDelaySeconds + config.drainSeconds,
    },
    {
      clock: systemClock,
      log,
      spawn: (_slot, events) => forkWorker(program, events),
      // The workers compile the schemas themselves, each before it has calls.
      agents: operatorsFile.addedTo(partsOf({ file: agents, checks: new Map() })),
      readAgents: async () => {
        const parts = await readAgentsParts(config, io.env);
        await operatorsFile.read(log);
        return operatorsFile.addedTo(parts);
      },
    },
  );
  makeFilesPrivate();
  // Not this thread's own: the workers would inherit it.
  lowerHelperThreads(HELPERS_LOWER_BY);
  ignoreUserSignals();
  onQuit(() => process.kill(process.pid, "SIGTERM"));
  onUncaughtError((error) => log.error("supervisor: uncaught exception", {}, error));
  // Faults of the file, and whatever else keeps it from being read, are logged there.
  onHangup(() => void supervisor.reload().catch(() => undefined));
  const ended = endBySignals(io, config, supervisor);
  const own = new ProcessMetrics("supervisor");
  const operators = new OperatorProxy({
    begun: () => supervisor.begun(),
    readiness: async () => {
      await supervisor.refresh();
      return supervisor.readiness();
    },
    metrics: async () => {
      await supervisor.refresh();
      return await exposition(supervisor.snapshots(), await own.scrape());
    },
    workers: (callSid) => supervisor.adminPorts(callSid),
    mayReadHealth: (host, authorization) =>
      mayReadHealth(config.adminHost, directory, host, authorization),
    clock: systemClock,
    log,
  });
  const standIn = new StandInServer({
    ports: () => supervisor.ownPorts(),
    workerHost: loopbackFor(ownListener(config, 0).host),
    host: config.host,
    clock: systemClock,
    log,
    descriptors: ownDescriptors(),
  });
  try {
    const adminPort = await operators.listen(config.adminHost, config.adminPort);
    await checkPortIsFree(config);
    const publicPort = await Promise.race([supervisor.start(), ended.then(() => 0)]);
    if (publicPort !== 0) {
      await standIn.listen(publicPort);
      const { workers, host, adminHost } = config;
      log.info("supervisor: listening", { workers, host, port: publicPort, adminHost, adminPort });
    }
    return await ended;
  } catch (error) {
    const isKnown =
      error instanceof WorkerRefused ||
      (error instanceof RelayError && error.code === "config_invalid");
    if (!isKnown) throw error;
    io.err(error.message);
    return EXIT_USAGE;
  } finally {
    standIn.close();
    operators.close();
  }
}

/** OPERATORS_FILE as it is in force, here and in the workers. */
class OperatorsInForce {
  readonly directory: OperatorDirectory;
  readonly #config: Config;
  #operators: readonly NamedOperator[];

  /** @throws RelayError config_invalid when the file cannot be used. */
  constructor(config: Config) {
    this.#config = config;
    this.#operators = configuredOperators(config);
    this.directory = new OperatorDirectory(config.adminToken, this.#operators);
  }

  /** Reads it again, beside the agents file. One that cannot be used changes nothing. */
  async read(log: Log): Promise<void> {
    if (this.#config.operatorsFile === null) return;
    try {
      this.#operators = await readOperatorsApart(this.#config);
      this.directory.replace(this.#operators);
    } catch (error) {
      log.error("operators: file not reloaded", { code: errorCodeOf(error) }, error);
    }
  }

  addedTo(parts: readonly AgentsPart[]): readonly AgentsPart[] {
    return this.#config.operatorsFile === null ? parts : withOperators(parts, this.#operators);
  }
}

/** Null: OPERATORS_FILE cannot be used, which was printed. */
function operatorsOf(io: CliIo, config: Config): OperatorsInForce | null {
  try {
    return new OperatorsInForce(config);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    io.err(error.message);
    return null;
  }
}

function whenRefused({ drainDelaySeconds: seconds }: Config): string {
  return seconds === 0 ? "accepting no new calls" : `accepting no new calls in ${seconds} s`;
}

/** The first signal drains, the second abandons the calls that are left. */
function endBySignals(io: CliIo, config: Config, supervisor: Supervisor): Promise<number> {
  return new Promise((resolve, reject) => {
    let signals = 0;
    io.onSignal((signal) => {
      signals++;
      if (signals > 2) return;
      io.err(
        signals === 1
          ? `${signal}: ${whenRefused(config)}; running calls have ${config.drainSeconds} s to end. Signal again to stop now.`
          : `${signal}: stopping now`,
      );
      const over = signals === 1 ? supervisor.drain() : supervisor.stop();
      over.then(() => resolve(EXIT_OK), reject);
    });
  });
}

/**
 * Workers share the port, so a second relay on the same port would not be noticed by them.
 *
 * @throws RelayError config_invalid when another program listens on the port.
 */
export async function checkPortIsFree(
  { host, port }: Pick<Config, "host" | "port">,
  retryMs = PORT_RETRY_MS,
): Promise<void> {
  for (let tries = 1; port !== 0; tries++) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, host.replace(/^\[|\]$/g, ""), () => server.close(() => resolve(true)));
    });
    if (isFree) return;
    if (tries === PORT_TRIES) throw portRefused(host, port);
    await setTimeout(retryMs);
  }
}

/** The address by which this machine reaches a listener. */
function loopbackFor(host: string): string {
  return host === "0.0.0.0" ? "127.0.0.1" : host;
}

/** Workers are started as this process was, with the same loaders and flags. */
export function programOf(
  { argv, execArgv }: Pick<NodeJS.Process, "argv" | "execArgv">,
  workerArgs: readonly string[],
): Program {
  const [, script = "", ...args] = argv;
  const at = args.findIndex((arg) => arg === "--settings" || arg.startsWith("--settings="));
  const globalArgs = at < 0 ? [] : args.slice(at, at + (args[at] === "--settings" ? 2 : 1));
  const flags = [...execArgv, ...youngGenerationFlags, ...helperThreadFlags];
  return { script, execArgv: flags, globalArgs, workerArgs };
}
