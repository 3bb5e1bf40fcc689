import { systemClock } from "../adapters/system/system-clock.js";
import { RelayError } from "../domain/errors.js";
import type { FromWorker, ToWorker } from "../supervisor/messages.js";
import { WorkerLink } from "../supervisor/worker-link.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";
import { loadAll } from "./load.js";

const PULSE_MS = 1_000;
/** Every how many heartbeats CPU and memory of the process are reported. Collecting them takes milliseconds. */
const PROCESS_EVERY = 5;

/** One of several relay processes. Its supervisor commands it through the channel that fork() made. */
export async function worker(io: CliIo, options: { readonly record?: boolean }): Promise<number> {
  if (process.send === undefined) {
    io.err("worker is started by serve when WORKERS is above 1; do not start it yourself");
    return EXIT_USAGE;
  }
  const send = (message: FromWorker): void => {
    // The event "disconnect" reports a supervisor that is gone.
    if (process.connected) process.send?.(message, undefined, {}, () => undefined);
  };
  // Ctrl-C and service managers signal the whole process group; the supervisor decides what to do.
  io.onSignal(() => undefined);
  const link = new WorkerLink(systemClock, { send });
  const messages = new Messages(link);
  process.on("message", (message) => messages.receive(message as ToWorker));
  const orphaned = new Promise<void>((resolve) => process.once("disconnect", () => resolve()));

  const loaded = loadAll(io);
  if (loaded === null) {
    send({ type: "refused", problem: "the settings or the agents file have a fault: see above" });
    return EXIT_USAGE;
  }
  const begin = await messages.begin;
  const { createApp } = await import("../app/app.js");
  let app: Awaited<ReturnType<typeof createApp>>;
  try {
    app = await createApp(loaded.config, loaded.agents, {
      seat: { worker: begin.worker, publicPort: begin.publicPort, siblings: link },
      recordFlights: options.record === true,
    });
    const { publicPort, ownPort, adminPort } = await app.start();
    send({ type: "listening", publicPort, ownPort: ownPort ?? publicPort, adminPort });
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== "config_invalid") throw error;
    send({ type: "refused", problem: error.message });
    return EXIT_USAGE;
  }
  let stopped = false;
  let pulses = 0;
  const pulse = async (): Promise<void> => {
    send({ type: "pulse", ...(await app.pulse(pulses++ % PROCESS_EVERY === 0)) });
    if (!stopped) systemClock.after(PULSE_MS, () => void pulse());
  };
  await pulse();

  const end = await Promise.race([messages.end, orphaned.then(() => "orphaned" as const)]);
  // The next supervisor starts workers of its own, and new callers are theirs.
  if (end === "orphaned") await app.retire();
  if (end === "drain") {
    await Promise.race([app.drain(), messages.stop]);
    // Wait until all workers are drained: closing one of several listeners resets connections that wait in it.
    send({ type: "drained" });
    await Promise.race([messages.stop, orphaned]);
  }
  await app.stop();
  stopped = true;
  return EXIT_OK;
}

/** Messages of the supervisor by their kind. One may arrive before this process can act on it. */
class Messages {
  readonly begin: Promise<Extract<ToWorker, { readonly type: "begin" }>>;
  readonly end: Promise<"drain" | "stop">;
  readonly stop: Promise<void>;
  readonly #link: WorkerLink;
  #begun: (begin: Extract<ToWorker, { readonly type: "begin" }>) => void = () => undefined;
  #ended: (how: "drain" | "stop") => void = () => undefined;
  #stopped: () => void = () => undefined;

  constructor(link: WorkerLink) {
    this.#link = link;
    this.begin = new Promise((resolve) => {
      this.#begun = resolve;
    });
    this.end = new Promise((resolve) => {
      this.#ended = resolve;
    });
    this.stop = new Promise((resolve) => {
      this.#stopped = resolve;
    });
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case "begin":
        this.#begun(message);
        return;
      case "drain":
        this.#ended("drain");
        return;
      case "stop":
        this.#ended("stop");
        this.#stopped();
        return;
      default:
        this.#link.receive(message);
    }
  }
}
