import { RelayError } from "../../domain/errors.js";
import type { Log } from "../../ports/log.js";
import type { ToolArguments, ToolContext, ToolResult } from "../../tools/tool.js";
import { type LauncherChild, type StartLauncher, startLauncher } from "./child-processes.js";
import { ProcessGroups } from "./process-groups.js";
import type { DeclaredTool, FromLauncher, LauncherNews, ModuleVersion } from "./tool-messages.js";

type Answer = Exclude<FromLauncher, LauncherNews>;

/** Runs the tools of modules in processes of their own, by way of the launcher. */
export class ToolLauncher {
  readonly #log: Pick<Log, "warn">;
  readonly #start: StartLauncher;
  #child: LauncherChild | null = null;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  #lastId = 0;
  #version = 0;

  constructor(log: Pick<Log, "warn">, start: StartLauncher = startLauncher) {
    this.#log = log;
    this.#start = start;
  }

  /**
   * From now on modules are loaded as they are now. Calls of an earlier version keep its processes,
   * which end by themselves when they are no longer used.
   */
  beginVersion(): void {
    this.#version += 1;
  }

  /** A module of the current version. @param path  absolute. */
  moduleAt(path: string): ModuleVersion {
    return { path, version: this.#version };
  }

  /**
   * What a module declares.
   *
   * @throws      RelayError `config_invalid`: the module cannot be loaded.
   */
  async describe(module: ModuleVersion): Promise<readonly DeclaredTool[]> {
    const answer = await this.#ask((id) =>
      this.#launcher.send({ type: "describe", id, ...module }),
    );
    if (answer.type === "described") return answer.tools;
    throw new RelayError("config_invalid", `${module.path} cannot be loaded: ${reasonOf(answer)}`);
  }

  /** Runs the module before the first call; a later version of it takes its place. */
  keepReady(module: ModuleVersion): void {
    this.#launcher.send({ type: "keep_ready", ...module });
  }

  /** A call may come soon. */
  warm(module: ModuleVersion): void {
    this.#launcher.send({ type: "warm", ...module });
  }

  /**
   * Runs a tool. It learns of the signal of its context; a tool that takes no notice is ended.
   *
   * @throws RelayError `tool_failed`: its process died, hangs, or cannot be started.
   * @throws Error with the module's own stack: the tool threw.
   */
  async call(
    module: ModuleVersion,
    key: string,
    args: ToolArguments,
    { signal, ...context }: ToolContext,
  ): Promise<ToolResult> {
    let asked = 0;
    const abort = (): void => this.#launcher.send({ type: "abort", id: asked });
    signal.addEventListener("abort", abort, { once: true });
    try {
      const answer = await this.#ask((id) => {
        asked = id;
        this.#launcher.send({ type: "call", id, ...module, key, args, context });
        if (signal.aborted) abort();
      });
      if (answer.type === "result") return { output: answer.output };
      if (answer.type === "error") throw withStack(answer.stack);
      throw new RelayError("tool_failed", "The tool failed.", { cause: reasonOf(answer) });
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /**
   * Ends the launcher and all tool processes; what is under way fails. The next use starts them
   * again.
   */
  stop(): void {
    const child = this.#child;
    this.#child = null;
    child?.end();
    this.#fail("stopped");
  }

  get #launcher(): LauncherChild {
    if (this.#child !== null) return this.#child;
    const groups = new ProcessGroups();
    const child = this.#start({
      message: (value) => this.#received(value as FromLauncher, groups),
      ended: (how) => {
        // A launcher that was killed ended none of them, and a tool in a loop does not end itself.
        groups.kill();
        if (this.#child !== child) return;
        this.#child = null;
        this.#log.warn("tools: launcher died", { reason: how });
        this.#fail(how);
      },
    });
    this.#child = child;
    child.hold(false);
    return child;
  }

  #ask(send: (id: number) => void): Promise<Answer> {
    return new Promise((resolve) => {
      const id = ++this.#lastId;
      this.#pending.set(id, resolve);
      this.#launcher.hold(true);
      send(id);
    });
  }

  #received(message: FromLauncher, groups: ProcessGroups): void {
    switch (message.type) {
      case "warning": {
        const { module, reason } = message;
        this.#log.warn("tools: module process failed", { module, reason });
        return;
      }
      case "process_started":
        groups.started(message.process);
        return;
      case "process_ended":
        groups.ended(message.pid);
        return;
      default:
        this.#answered(message);
    }
  }

  #answered(message: Answer): void {
    const resolve = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (this.#pending.size === 0) this.#child?.hold(false);
    resolve?.(message);
  }

  #fail(reason: string): void {
    for (const [id, resolve] of [...this.#pending]) {
      this.#pending.delete(id);
      resolve({ type: "unavailable", id, reason });
    }
  }
}

function reasonOf(answer: Answer): string {
  return "reason" in answer ? answer.reason : `an unexpected ${answer.type}`;
}

function withStack(stack: string): Error {
  const error = new Error("the tool threw");
  error.stack = stack;
  return error;
}
