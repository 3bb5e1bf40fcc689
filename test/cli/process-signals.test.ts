import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { onInterrupt, onStop } from "../../src/cli/process-signals.js";
import { FakeClock } from "../fakes/fake-clock.js";

const SCRIPT = `
import * as signals from "./src/cli/process-signals.ts";
import inspector from "node:inspector";
signals.ignoreUserSignals();
signals.onHangup(() => console.log("reload"));
signals.onQuit(() => undefined);
signals.makeFilesPrivate();
signals.onUncaughtError((error) => console.log("caught", error.message));
console.log("ready", process.umask().toString(8));
setInterval(() => console.log("alive", inspector.url() ?? "closed"), 50);
signals.onStop((signal) => {
  console.log("stop", signal);
  if (signal === "SIGTERM") process.exit(0);
});
process.stdin.once("data", () => { setTimeout(() => { throw new Error("thrown"); }, 0); Promise.reject(new Error("rejected")); });
`;

const folder = mkdtempSync(join(tmpdir(), "murelay-signals-"));
const program = join(folder, "signals.mjs");
let child: ChildProcess | null = null;
/** Compiled once: a dozen processes that each compile it take five seconds of CPU more. */
beforeAll(async () => {
  await build({
    stdin: { contents: SCRIPT, resolveDir: process.cwd(), loader: "ts" },
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: program,
  });
});
afterEach(() => child?.kill("SIGKILL"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start() {
  const started = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  child = started;
  const lines: string[] = [];
  createInterface({ input: started.stdout }).on("line", (line) => lines.push(line));
  await expect.poll(() => lines.length, { timeout: 20_000 }).toBeGreaterThan(0);
  return { started, lines };
}

describe("process signals", () => {
  it("makes files private", async () => {
    const { lines } = await start();
    expect(lines[0]).toBe("ready 77");
  });

  it.each([
    "SIGHUP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGALRM",
    "SIGVTALRM",
    "SIGPROF",
    "SIGTSTP",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGQUIT",
  ] as const)("survives %s, without an inspector", async (signal) => {
    const { started, lines } = await start();
    started.kill(signal);
    const before = lines.length;
    await expect.poll(() => lines.length).toBeGreaterThan(before + 5);
    expect(new Set(lines.slice(before + 2))).toEqual(
      new Set(["alive closed", ...(lines.includes("reload", before + 2) ? ["reload"] : [])]),
    );
    expect(lines.includes("reload")).toBe(signal === "SIGHUP");
    started.kill("SIGTERM");
    expect(await once(started, "exit")).toEqual([0, null]);
  });

  it("takes a signal that npm and the terminal both sent for one, and a later one for another", () => {
    const clock = new FakeClock();
    const signals = new EventEmitter();
    const stops: string[] = [];
    onStop((signal) => stops.push(signal), signals, clock);
    signals.emit("SIGINT");
    clock.advance(200);
    signals.emit("SIGINT");
    signals.emit("SIGTERM");
    expect(stops).toEqual(["SIGINT"]);
    clock.advance(50);
    signals.emit("SIGTERM");
    expect(stops).toEqual(["SIGINT", "SIGTERM"]);
  });

  it("goes on after an uncaught exception and an unhandled rejection", async () => {
    const { started, lines } = await start();
    started.stdin!.write("go");
    await expect
      .poll(() => lines.filter((line) => line.startsWith("caught")).sort())
      .toEqual(["caught rejected", "caught thrown"]);
    const before = lines.length;
    await expect.poll(() => lines.length).toBeGreaterThan(before + 1);
  });
});

describe("a command with work to finish after Ctrl-C", () => {
  function stage() {
    const signals = new EventEmitter();
    const clock = new FakeClock();
    const heard: string[] = [];
    const forget = onInterrupt(
      () => void heard.push("interrupted"),
      signals,
      clock,
      () => void heard.push("ended"),
    );
    return { signals, clock, heard, forget };
  }

  it("takes the signal of the terminal and the same one from npm for one", () => {
    const { signals, clock, heard } = stage();
    signals.emit("SIGINT");
    clock.advance(249);
    signals.emit("SIGINT");
    expect(heard).toEqual(["interrupted"]);
  });

  it("is ended by the next one", () => {
    const { signals, clock, heard } = stage();
    signals.emit("SIGINT");
    clock.advance(250);
    signals.emit("SIGINT");
    expect(heard).toEqual(["interrupted", "ended"]);
    expect(signals.listenerCount("SIGINT")).toBe(0);
  });

  it("listens no longer once it is done", () => {
    const { signals, forget } = stage();
    forget();
    expect(signals.listenerCount("SIGINT")).toBe(0);
  });
});
