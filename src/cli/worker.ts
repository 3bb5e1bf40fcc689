import { lowerHelperThreads } from "../adapters/system/helper-threads.js";
import { createLog } from "../adapters/system/pino-log.js";
import { systemClock } from "../adapters/system/system-clock.js";
import { growHeapByHalf } from "../adapters/system/v8-flags.js";
import type { App } from "../app/app.js";
import { AgentsFileError } from "../config/agents/agents-file.js";
import type { PreparedAgents } from "../config/agents/agents-parts.js";
import type { Config } from "../config/load.js";
import { RelayError } from "../domain/errors.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { FromWorker, ReloadFaults, ToWorker } from "../supervisor/messages.js";
import { type RunningCommand, WorkerCommands } from "../supervisor/worker-commands.js";
import { WorkerLink } from "../supervisor/worker-link.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";
import { loadSettings } from "./load.js";
import { problemOf } from "./problem-of.js";
import {
  ignoreUserSignals,
  makeFilesPrivate,
  onHangup,
  onQuit,
  onUncaughtError,
} from "./process-signals.js";

const HEARTBEAT_MS = 1_000;
/**
 * CPU and memory of the process are in every so many heartbeats only: collecting them takes
 * milliseconds.
 */
const HEARTBEATS_PER_PROCESS_METRICS = 5;
/** They still get a quarter of a full core, so that code becomes fast in a worker that starts there. */
const HELPERS_LOWER_BY = 5;

type Send = (message: FromWorker) => void;

/** A relay process. Its supervisor commands it through the channel that fork() created. */
export async function worker(io: CliIo, options: { readonly record?: boolean }): Promise<number> {
  if (process.send === undefined) {
    io.err("worker is started by serve; do not start it yourself");
    return EXIT_USAGE;
  }
  const send: Send = (message) => {
    // The event "disconnect" reports a supervisor that is gone.
    if (process.connected) process.send?.(message, undefined, {}, () => undefined);
  };
  // Ctrl-C and service managers signal the whole process group. The supervisor decides what to do.
  io.onSignal(() => undefined);
  onHangup(() => undefined);
  ignoreUserSignals();
  onQuit(() => undefined);
  makeFilesPrivate();
  lowerHelperThreads(HELPERS_LOWER_BY);
  const link = new WorkerLink(systemClock, { send });
  const commands = new WorkerCommands(link);
  process.on("message", (message) => commands.receive(message as ToWorker));
  const orphaned = new Promise<void>((resolve) => process.once("disconnect", () => resolve()));

  const config = loadSettings(io);
  if (config === null) {
    send({ type: "refused", problem: "the settings have a fault: see above" });
    return EXIT_USAGE;
  }
  const log = createLog({ level: config.logLevel, pretty: config.logPretty });
  const begin = await commands.begin;
  const prepared = await commands.agents;
  const place = { node: config.nodeName, worker: begin.worker };
  const app = await startApp(config, prepared, log, begin, link, options, send);
  if (app === null) return EXIT_USAGE;
  commands.carryOut(running(app, log.child(place), send));
  onUncaughtError((error) => {
    log.error("worker: uncaught exception", { ...place, pid: process.pid }, error);
    send({ type: "failing" });
  });
  const stopHeartbeats = await sendHeartbeats(app, send, systemClock);
  await runToTheEnd(app, commands, orphaned, (message) => {
    // Calls that it has not released yet would be taken for lost ones.
    link.flush();
    send(message);
  });
  stopHeartbeats();
  return EXIT_OK;
}

/** Null when it cannot start: the supervisor knows why. */
async function startApp(
  config: Config,
  { file: agents, operators }: PreparedAgents,
  log: Log,
  begin: Extract<ToWorker, { readonly type: "begin" }>,
  siblings: WorkerLink,
  options: { readonly record?: boolean },
  send: Send,
): Promise<App | null> {
  const { createApp } = await import("../app/app.js");
  try {
    const app = await createApp(config, agents, {
      seat: { worker: begin.worker, publicPort: begin.publicPort, siblings },
      recordFlights: options.record === true,
      // Not as the file is now: what was saved and not asked for, or has a fault, is not in force.
      ...(operators === undefined ? {} : { operators }),
      log,
      requestReload: async () => {
        const faults = await siblings.reload();
        if (faults === undefined)
          throw new RelayError("internal", "the agents file could not be read in time");
        if (faults !== null) throw new AgentsFileError(config.agentsFile, faults);
      },
      refuseCalls: () => send({ type: "refuse_calls" }),
    });
    growHeapByHalf();
    const { publicPort, ownPort, adminPort } = await app.start();
    send({ type: "listening", publicPort, ownPort: ownPort ?? publicPort, adminPort });
    return app;
  } catch (error) {
    const problem = problemOf(error);
    if (problem === null) throw error;
    send({ type: "refused", problem });
    return null;
  }
}

/** Carries out commands, files of agents one after the other. */
export function running(
  app: Pick<App, "reload" | "takeBackReload" | "refuseCalls" | "pulse">,
  log: Log,
  send: Send,
): (command: RunningCommand) => void {
  let lastInForce = 0;
  let before: Promise<void> = Promise.resolve();
  return (command) => {
    if (command.type === "refuse_calls") {
      app.refuseCalls();
      return;
    }
    if (command.type === "heartbeat_now") {
      const { asked } = command;
      void app.pulse(false).then((pulse) => send({ type: "heartbeat", asked, ...pulse }));
      return;
    }
    before = before.then(async () => {
      if (command.type === "take_back") {
        // This worker may have refused it as well.
        if (command.reload === lastInForce) app.takeBackReload();
        return;
      }
      const faults = await reload(app, command.agents, log);
      if (faults === null) lastInForce = command.reload;
      send({ type: "reloaded", reload: command.reload, faults });
    });
  };
}

/** A file whose tools cannot be built changes nothing. Never rejects. */
export async function reload(
  app: Pick<App, "reload">,
  { file, checks, operators }: PreparedAgents,
  log: Log,
): Promise<ReloadFaults> {
  try {
    await app.reload(file, checks, operators ?? null);
    return null;
  } catch (error) {
    const faults = error instanceof RelayError ? error.message : "";
    log.error("agents: reload refused", { faults }, error);
    if (error instanceof AgentsFileError) return error.faults;
    // Of the file as a whole: the place of the tool is not known here.
    const problem = faults === "" ? "cannot be put in force: the log says why" : faults;
    return [{ path: "", line: 1, column: 1, problem }];
  }
}

/** @returns a function that ends them. */
export async function sendHeartbeats(
  app: Pick<App, "pulse">,
  send: Send,
  clock: Pick<Clock, "after">,
): Promise<() => void> {
  let stopped = false;
  let count = 0;
  const heartbeat = async (): Promise<void> => {
    const withProcess = count++ % HEARTBEATS_PER_PROCESS_METRICS === 0;
    send({ type: "heartbeat", ...(await app.pulse(withProcess)) });
    if (!stopped) clock.after(HEARTBEAT_MS, () => void heartbeat());
  };
  await heartbeat();
  return () => {
    stopped = true;
  };
}

/** Ends as the supervisor commands, or in order by itself where that one is gone. */
export async function runToTheEnd(
  app: Pick<App, "retire" | "drain" | "abandon" | "stop">,
  commands: Pick<WorkerCommands, "end" | "abandon" | "stop">,
  orphaned: Promise<void>,
  send: Send,
): Promise<void> {
  const end = await Promise.race([commands.end, orphaned.then(() => "orphaned" as const)]);
  // Another process gets new connections: the one in this one's place, or those of the next
  // supervisor.
  if (end === "retire" || end === "orphaned") await Promise.race([app.retire(), commands.abandon]);
  if (end === "drain") await Promise.race([app.drain(), commands.abandon]);
  if (end !== "stop") await Promise.race([app.abandon(), commands.stop]);
  if (end === "drain" || end === "abandon") {
    // Wait for the other workers: closing one of several listeners resets connections that wait in
    // it.
    send({ type: "drained" });
    await Promise.race([commands.stop, orphaned]);
  }
  await app.stop();
}
