import { fork } from "node:child_process";
import type { FromWorker } from "./messages.js";
import type { WorkerProcess, WorkerProcessEvents } from "./supervisor.js";

/** How this very program was started: a worker is started in the same way. */
export interface Program {
  /** Its first script: dist/cli.js, or what registers a loader of TypeScript before it. */
  readonly script: string;
  /** Flags of node. */
  readonly execArgv: readonly string[];
  /** Arguments that every command takes. */
  readonly globalArgs: readonly string[];
  /** Of the command itself. */
  readonly workerArgs: readonly string[];
}

/** Starts a worker. Its output goes where ours goes; its settings come from the same environment. */
export function forkWorker(program: Program, events: WorkerProcessEvents): WorkerProcess {
  const child = fork(program.script, [...program.globalArgs, "worker", ...program.workerArgs], {
    execArgv: [...program.execArgv],
    serialization: "advanced",
  });
  let over = false;
  const exited = (how: string): void => {
    if (over) return;
    over = true;
    events.exited(how);
  };
  // Our own workers speak only what is in messages.ts.
  child.on("message", (message) => events.message(message as FromWorker));
  child.on("error", (error) => {
    // A message that a dying process no longer took is no news: its exit follows. One that never started has no pid.
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
  // Whoever goes while we speak to it is heard of by its exit.
}
