/** Starts the processes in which tool modules run. */
import { type ChildProcess, fork } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { helperThreadFlags } from "../system/helper-threads.js";
import { programPart, tsxUrl } from "../system/program-part.js";
import type { ToLauncher, ToToolProcess } from "./tool-messages.js";

export interface ChildEvents {
  message(value: unknown): void;
  /** Once, last. @param how  for the log: an exit status or a signal. */
  ended(how: string): void;
}

/** The process of one module, as the launcher sees it. */
export interface ToolChild {
  /** Undefined: it could not be started. */
  readonly pid: number | undefined;
  send(message: ToToolProcess): void;
  /** At once, whatever it does. */
  kill(): void;
  /** Memory in use, in bytes. Null: it cannot be told on this system, or the process has ended. */
  memoryBytes(): Promise<number | null>;
}

export type StartToolChild = (path: string, events: ChildEvents) => ToolChild;

/** The launcher, as the relay sees it. */
export interface LauncherChild {
  send(message: ToLauncher): void;
  /** With all tool processes, whatever they do. */
  end(): void;
  /** Whether it keeps the relay's own process alive. */
  hold(held: boolean): void;
}

export type StartLauncher = (events: ChildEvents) => LauncherChild;

/**
 * V8 ends a process whose objects need more. Buffers come on top: the launcher watches the whole.
 */
const HEAP_MB = 256;

/** @param path  absolute, of the module. */
export const startToolProcess: StartToolChild = (path, events) => {
  const child = start("tool-process", [path], /\.[cm]?ts$/.test(path), events);
  lowerPriority(child);
  if (child.pid !== undefined) void offerToOomKiller(child.pid);
  return {
    pid: child.pid,
    send: (message) => send(child, message),
    kill: () => killGroup(child),
    memoryBytes: () => memoryOf(child.pid),
  };
};

export const startLauncher: StartLauncher = (events) => {
  const child = start("tool-launcher", [], false, events);
  return {
    send: (message) => send(child, message),
    end: () => {
      if (child.connected) child.disconnect();
    },
    hold: (held) => {
      if (held) child.ref();
      else child.unref();
      if (held) child.channel?.ref();
      else child.channel?.unref();
    },
  };
};

function start(
  entry: string,
  args: readonly string[],
  typescript: boolean,
  events: ChildEvents,
): ChildProcess {
  const { file, execArgv } = programPart(new URL(`./${entry}`, import.meta.url));
  const loader = typescript ? [`--import=${tsxUrl()}`] : execArgv;
  const child = fork(file, args, {
    execArgv: [`--max-old-space-size=${HEAP_MB}`, ...helperThreadFlags, ...loader],
    // A group of its own: a module that signals its group would otherwise reach the relay.
    detached: true,
    // What a module prints must not end up among the relay's log lines.
    stdio: ["ignore", 2, 2, "ipc"],
  });
  let over = false;
  const ended = (how: string): void => {
    if (!over) events.ended(how);
    over = true;
  };
  child.on("message", (value) => events.message(value));
  child.on("error", (error) => ended(error.message));
  child.on("exit", (code, signal) => {
    const how = signal ?? `exit status ${code}`;
    // Its last messages may not have been read yet.
    if (child.connected) child.once("disconnect", () => ended(how));
    else ended(how);
  });
  return child;
}

/** With the processes that the module has started, unless they have left its group. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Systems without groups; or all of them have ended.
    child.kill("SIGKILL");
  }
}

function send(child: ChildProcess, message: ToToolProcess | ToLauncher): void {
  // A failure to send is followed by the exit.
  if (child.connected) child.send(message, () => undefined);
}

/** A module that computes without end leaves the processor to those who carry sound. */
function lowerPriority({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or the system does not allow it: the tool runs all the same.
  }
  // Where Linux schedules by session, priorities count only within one, and the process has its own.
  void tryWrite(`/proc/${pid}/autogroup`, String(constants.priority.PRIORITY_BELOW_NORMAL));
}

/**
 * Where memory runs out before the launcher has looked, the kernel ends the tool and not the relay.
 * Linux only.
 */
function offerToOomKiller(pid: number): Promise<void> {
  return tryWrite(`/proc/${pid}/oom_score_adj`, "1000");
}

async function tryWrite(path: string, value: string): Promise<void> {
  try {
    await writeFile(path, value);
  } catch {
    // It has ended already, or this is another system.
  }
}

/** Resident memory, from /proc: Linux only. */
async function memoryOf(pid: number | undefined): Promise<number | null> {
  if (pid === undefined) return null;
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}
