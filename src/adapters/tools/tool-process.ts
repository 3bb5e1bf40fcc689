/**
 * A tool process: loads one module of the operator's and runs its tools, apart from the relay. What
 * the module does to its own process (an endless loop, an exit, an exception in a timer, gigabytes)
 * costs the calls that are under way here, and nothing else. Started by the launcher; the module's
 * path is the first argument.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { resultText } from "../../tools/result-text.js";
import { loadProblem } from "./load-problem.js";
import { exportedTools, type RunnableTool } from "./module-exports.js";
import { resolveOwnPackage } from "./own-package.js";
import type { FromToolProcess, ToToolProcess } from "./tool-messages.js";

const [, , path = ""] = process.argv;
const running = new Map<number, AbortController>();
let tools: ReadonlyMap<string, RunnableTool> = new Map();

const toParent = process.send?.bind(process);

function send(message: FromToolProcess): void {
  toParent?.(message);
}

/**
 * As an ES module, else as a CommonJS one: Node 20 cannot import every CommonJS module that was
 * compiled from TypeScript on the way.
 */
async function loadModule(): Promise<unknown> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    if (/\.m[jt]s$/.test(path)) throw error;
    try {
      return createRequire(import.meta.url)(path);
    } catch {
      throw error;
    }
  }
}

async function load(): Promise<void> {
  try {
    resolveOwnPackage();
    tools = await exportedTools(await loadModule());
    send({ type: "ready", tools: [...tools].map(([key, { declared }]) => ({ ...declared, key })) });
  } catch (error) {
    send({ type: "load_failed", reason: loadProblem(error, path) });
  }
}

async function call({ id, key, args, context }: Extract<ToToolProcess, { type: "call" }>) {
  const stop = new AbortController();
  running.set(id, stop);
  send({ type: "started", id });
  try {
    const tool = tools.get(key);
    if (tool === undefined) throw new Error(`no tool is exported as ${key}`);
    const { output } = await tool.run(args, { ...context, signal: stop.signal });
    send({ type: "result", id, output: resultText(output) });
  } catch (error) {
    send({ type: "error", id, stack: errorText(error) });
  } finally {
    running.delete(id);
  }
}

function errorText(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } catch {
    return "an error that cannot be read";
  }
}

function received(message: ToToolProcess): void {
  switch (message.type) {
    case "call":
      void call(message);
      return;
    case "abort":
      running.get(message.id)?.abort();
      send({ type: "aborted", id: message.id });
      return;
    case "ping":
      send({ type: "pong", id: message.id });
  }
}

// The relay decides when a tool process ends: a Ctrl-C in the terminal reaches the whole process
// group.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("disconnect", () => process.exit(0));
process.on("message", received);
// The channel is the relay's: a module that sends over it would be taken for this file.
delete process.send;
await load();
