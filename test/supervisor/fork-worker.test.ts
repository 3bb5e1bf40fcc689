import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { forkWorker, type Program } from "../../src/supervisor/fork-worker.js";
import type { FromWorker, ToWorker } from "../../src/supervisor/messages.js";
import type { WorkerProcess } from "../../src/supervisor/worker-process.js";

let folder: string;
let workers: WorkerProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-fork-"));
  workers = [];
});
afterEach(() => {
  for (const worker of workers) worker.kill();
  rmSync(folder, { recursive: true });
});

/** A process that runs this code in place of a worker. */
function start(code: string, changes: Partial<Program> = {}) {
  const script = join(folder, "worker.mjs");
  writeFileSync(script, code);
  const messages: FromWorker[] = [];
  const exits: string[] = [];
  const program = { script, execArgv: [], globalArgs: [], workerArgs: [], ...changes };
  const worker = forkWorker(program, {
    message: (message) => void messages.push(message),
    exited: (how) => void exits.push(how),
  });
  workers.push(worker);
  return { worker, messages, exits };
}
const until = (values: () => unknown, expected: unknown) =>
  expect.poll(values, { timeout: 10_000 }).toEqual(expected);

describe("forkWorker", () => {
  it("starts the program as this one was started, with the command worker", async () => {
    const { messages, worker } = start(
      "process.send({ args: process.argv.slice(2), exec: process.execArgv })",
      {
        execArgv: ["--no-warnings"],
        globalArgs: ["--settings", "x.env"],
        workerArgs: ["--record"],
      },
    );
    await until(
      () => messages,
      [{ args: ["--settings", "x.env", "worker", "--record"], exec: ["--no-warnings"] }],
    );
    expect(worker.pid).toBeGreaterThan(0);
  });

  it("passes messages both ways, binary data included", async () => {
    const { worker, messages } = start("process.on('message', (m) => process.send(m))");
    const message = { type: "test", bytes: Uint8Array.of(1, 2) } as unknown as ToWorker;
    worker.send(message);
    await until(() => messages, [message]);
  });

  it.each([
    ["a status", "process.exit(3)", "status 3"],
    ["a signal", "process.kill(process.pid, 'SIGKILL')", "SIGKILL"],
  ])("tells once that it has exited, by %s", async (_, code, how) => {
    const { worker, exits } = start(code);
    await until(() => exits, [how]);
    // It takes no more messages, and that is no error.
    worker.send({ type: "stop" } as unknown as ToWorker);
    expect(exits).toEqual([how]);
  });

  it("ends a process that hangs", async () => {
    const { worker, messages, exits } = start("process.send('up'); for (;;);");
    await until(() => messages, ["up"]);
    worker.kill();
    await until(() => exits, ["SIGKILL"]);
  });
});
