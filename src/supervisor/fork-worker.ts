import { fork } from "node:child_process";
import type { FromWorker } from "./messages.js";
import type { WorkerProcess, WorkerProcessEvents } from "./worker-process.js";

/** How this program was started. Its workers are started in the same way. */
export interface Program {
  /** The first script: dist/cli.js, or the one that registers a TypeScript loader before it. */
  readonly script: string;
  /** Flags of node. */
  readonly execArgv: readonly string[];
  /** Arguments that every command takes. */
  readonly globalArgs: readonly string[];
  /** Arguments of the command `worker`. */
  readonly workerArgs: readonly string[];
}

/** Starts a worker. It inherits this process's output and environment. */
export function forkWorker(program: Program, events: WorkerProcessEvents): WorkerProcess {
  const child = fork(program.script, [...program.globalArgs, "worker", ...program.workerArgs], {
    execArgv: [...program.execArgv],
    serialization: "advanced",
  });
  let hasExited = false;
  const exited = (how: string): void => {
    if (hasExited) return;
    hasExited = true;
    events.exited(how);
  };
  // The worker is this program and sends only these messages.
  child.on("message", (message) => events.message(message as FromWorker));
  child.on("error", (error) => {
    // An error of a process that has started is a message that it no longer took: its exit follows.
    if (child.pid === undefined) exited(error.message);
  });
  child.on("exit", (code, signal) => exited(signal ?? `status ${code}`));
  return {
    pid: child.pid ?? 0,
    send: (message) => {
      if (child.connected) child.send(message, ignoreLoss);
    },
    kill: () => child.kill("SIGKILL"),
  };
}

function ignoreLoss(): void {
  // A process that ends while a message is sent is reported by its exit.
}
