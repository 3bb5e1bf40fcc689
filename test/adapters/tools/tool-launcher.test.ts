/** Real processes: what a module of the operator's may do to the relay, and what it may not. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ToolLauncher } from "../../../src/adapters/tools/launcher-client.js";
import { loadModuleTool } from "../../../src/adapters/tools/module-tool.js";
import type { ToolContext, ToolResult } from "../../../src/tools/tool.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeLog } from "../../fakes/fake-ports.js";

/** Outside the checkout, as an operator's own folder is. */
const folder = mkdtempSync(join(tmpdir(), "murelay-tools-"));
const log = new FakeLog();
const launcher = new ToolLauncher(log);
afterAll(() => {
  launcher.stop();
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** A process that nobody has waited for yet has ended, too. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

const context = (signal = new AbortController().signal): ToolContext => ({
  callSid: sid(1),
  from: "+12025550100",
  to: "+12025550199",
  agent: "support",
  language: "es",
  signal,
  nowEpochMs: 7,
});

const load = (path: string) =>
  loadModuleTool(
    {
      name: "refund",
      description: "",
      parameters: { type: "object", properties: {}, additionalProperties: false },
      timeoutMs: 5_000,
      sayWhileWaiting: null,
    },
    path,
    launcher,
  );

const DECLARATION = `{
  description: "Refund an order",
  parameters: { type: "object", properties: { order: { type: "string" } } },
  timeoutMs: 1234,
  run: async ({ order }, { language, callSid, signal, nowEpochMs }) =>
    ({ order, language, callSid, aborted: signal.aborted, nowEpochMs }),
}`;

describe("a tool module in any folder", { timeout: 60_000 }, () => {
  it.each([
    [
      "refund.mjs",
      `import { defineTool } from "murelay"; export default defineTool(${DECLARATION});`,
    ],
    [
      "commonjs/refund.ts",
      `import { defineTool } from "murelay"; const o: number = 1; export default defineTool(${DECLARATION});`,
    ],
    [
      "old/refund.cts",
      `import { defineTool } from "murelay"; export default defineTool(${DECLARATION});`,
    ],
  ])("is loaded from %s, and run with arguments and context as plain data", async (name, text) => {
    write("commonjs/package.json", '{"type":"commonjs"}');
    const tool = await load(write(name, text));
    expect(tool).toMatchObject({ description: "Refund an order", timeoutMs: 1234 });
    const { output } = await tool.run({ order: "A1" }, context());
    expect(JSON.parse(String(output))).toEqual({
      order: "A1",
      language: "es",
      callSid: sid(1),
      aborted: false,
      nowEpochMs: 7,
    });
  });

  it.each([
    ["gone.mjs", null, /gone\.mjs cannot be loaded: there is no such file$/],
    ["syntax.mjs", "export default {", /syntax\.mjs cannot be loaded: /],
    ["throws.mjs", "throw new Error('no database');", /throws\.mjs cannot be loaded: no database/],
    [
      "exits.mjs",
      "process.exit(3);",
      /exits\.mjs cannot be loaded: its process died \(exit status 3\)/,
    ],
    ["empty.mjs", "export const nothing = 1;", /empty\.mjs exports no defineTool/],
    [
      "patient.mjs",
      'import { defineTool } from "murelay"; export default defineTool({ description: "d", ' +
        "parameters: {}, timeoutMs: 3_600_000, run: () => 1 });",
      new RegExp(
        'patient\\.mjs cannot be loaded: timeoutMs of the export "default" is 3600000: ' +
          "it must be .* 50 to 60000$",
      ),
    ],
    [
      "missing.mjs",
      'import "left-pad-of-no-one";',
      /missing\.mjs cannot be loaded: .*left-pad-of-no-one/,
    ],
  ])("that is not one, %s, is named with the reason", async (name, text, message) => {
    const path = text === null ? join(folder, name) : write(name, text);
    await expect(load(path)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringMatching(message),
    });
  });
});

describe("many modules of one agents file", { timeout: 60_000 }, () => {
  it("are loaded two at a time, described or kept ready", async () => {
    const journal = join(folder, "loads");
    writeFileSync(journal, "");
    const paths = Array.from({ length: 6 }, (_, n) =>
      write(
        `many/tool${n}.mjs`,
        `import { appendFileSync } from "node:fs"; import { defineTool } from "murelay";
         const say = (what) => appendFileSync(${JSON.stringify(journal)}, what);
         say("(");
         await new Promise((done) => setTimeout(done, 100));
         say(")");
         export default defineTool({ description: "d", parameters: {}, run: () => 1 });`,
      ),
    );
    for (const path of paths.slice(0, 3)) launcher.keepReady(launcher.moduleAt(path));
    await Promise.all(paths.map((path) => load(path)));
    const text = readFileSync(journal, "utf8");
    expect(text.replaceAll(/[^(]/g, "")).toHaveLength(6);
    let open = 0;
    for (const sign of text) {
      open += sign === "(" ? 1 : -1;
      expect(open).toBeLessThanOrEqual(2);
    }
  });

  it("that never load do not hold up the next version of the file", async () => {
    const paths = Array.from({ length: 5 }, (_, n) =>
      write(`hanging/tool${n}.mjs`, "await new Promise((done) => setTimeout(done, 3_600_000));"),
    );
    const good = write(
      "hanging/good.mjs",
      `import { defineTool } from "murelay"; export default defineTool(${DECLARATION});`,
    );
    const other = new ToolLauncher(log);
    const hanging = paths.map((path) => other.describe(other.moduleAt(path)));
    const refused = Promise.allSettled(hanging);
    let timedOut = false;
    void hanging[0]!.catch(() => {
      timedOut = true;
    });
    other.beginVersion();
    await expect(other.describe(other.moduleAt(good))).resolves.toHaveLength(1);
    expect(timedOut).toBe(false);
    other.stop();
    expect((await refused).map(({ status }) => status)).toEqual(paths.map(() => "rejected"));
  });
});

const UNRULY = `import { defineTool } from "murelay";
const parameters = { type: "object", properties: { do: { type: "string" } } };
const acts = {
  fine: () => "fine",
  throws: () => { throw new Error("password=hunter2"); },
  exits: () => process.exit(0),
  rejects: () => { Promise.reject(new Error("unhandled")); return new Promise(() => {}); },
  timer: () => { setTimeout(() => { throw new Error("in a timer"); }, 10); return new Promise(() => {}); },
  kills: () => process.kill(process.pid, "SIGKILL"),
  group: () => { process.kill(0, "SIGTERM"); return "its group is its own"; },
  cycle: () => { const a = {}; a.a = a; return a; },
  bigint: () => ({ n: 10n }),
  huge: () => "x".repeat(50_000_000),
  waits: (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve("stopped"))),
  loops: () => { for (;;) {} },
  allocates: () => {
    const kept = [];
    const more = () => { for (let i = 0; i < 8; i++) kept.push(Buffer.alloc(1 << 24, 1)); };
    return new Promise(() => setInterval(more, 5));
  },
};
const run = (args, { signal }) => acts[args.do](signal);
export default defineTool({ description: "Unruly", parameters, run });
`;

describe("an unruly tool module", { timeout: 60_000 }, () => {
  const path = write("unruly.mjs", UNRULY);

  async function does(what: string, signal?: AbortSignal): Promise<ToolResult> {
    return (await load(path)).run({ do: what }, context(signal));
  }

  /** The next call of the same module is answered. */
  async function goesOn(): Promise<void> {
    expect(await does("fine")).toEqual({ output: "fine" });
  }

  it("may return what JSON cannot express", async () => {
    expect(await does("cycle")).toEqual({ output: '{"a":"[circular]"}' });
    expect(await does("bigint")).toEqual({ output: '{"n":"10"}' });
    expect(String((await does("huge")).output)).toContain("cut: 50000000 characters");
  });

  it("may throw, which costs that call and reaches the log only", async () => {
    await expect(does("throws")).rejects.toMatchObject({
      message: "the tool threw",
      stack: expect.stringContaining("hunter2"),
    });
    await goesOn();
  });

  it.each(["exits", "rejects", "timer", "kills"])(
    "that %s costs the calls under way, and is started again",
    async (what) => {
      await expect(does(what)).rejects.toMatchObject({ code: "tool_failed" });
      await goesOn();
    },
  );

  it("that signals its process group does not reach the relay", async () => {
    const heard: string[] = [];
    const onSignal = (signal: string): void => void heard.push(signal);
    process.on("SIGTERM", onSignal);
    expect(await does("group")).toEqual({ output: "its group is its own" });
    await goesOn();
    process.off("SIGTERM", onSignal);
    expect(heard).toEqual([]);
  });

  it("learns that it should stop", async () => {
    const stop = new AbortController();
    const waiting = does("waits", stop.signal);
    const rejected = expect(waiting).rejects.toMatchObject({ code: "tool_failed" });
    await goesOn();
    stop.abort();
    await rejected;
    await goesOn();
  });

  it("that loops for ever is ended once its time is over", async () => {
    const stop = new AbortController();
    const looping = does("loops", stop.signal);
    setTimeout(() => stop.abort(), 200);
    await expect(looping).rejects.toMatchObject({ code: "tool_failed" });
    await goesOn();
    expect(log.lines.join()).toContain("does not answer");
  });

  it.runIf(process.platform === "linux")(
    "that loops for ever is ended, too, when the launcher is killed",
    async () => {
      const pidFile = join(folder, "pid");
      const tool = await load(
        write(
          "endless.mjs",
          `import { writeFileSync } from "node:fs";
import { defineTool } from "murelay";
export default defineTool({ description: "d", parameters: { type: "object" }, run: () => {
  writeFileSync(${JSON.stringify(pidFile)}, process.pid + " " + process.ppid);
  for (;;) {}
} });`,
        ),
      );
      const looping = expect(tool.run({}, context())).rejects.toMatchObject({
        code: "tool_failed",
      });
      const pids = () => (existsSync(pidFile) ? readFileSync(pidFile, "utf8").split(" ") : []);
      await expect.poll(pids, { timeout: 20_000 }).toHaveLength(2);
      const [pid, launcherPid] = pids().map(Number);
      process.kill(launcherPid!, "SIGKILL");
      await looping;
      try {
        await expect.poll(() => isRunning(pid!), { timeout: 10_000 }).toBe(false);
      } finally {
        if (isRunning(pid!)) process.kill(pid!, "SIGKILL");
      }
      await goesOn();
    },
  );

  it.runIf(process.platform === "linux")(
    "that exits takes with it what it has started",
    async () => {
      const pidFile = join(folder, "child-pid");
      const tool = await load(
        write(
          "parent.mjs",
          `import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { defineTool } from "murelay";
export default defineTool({ description: "d", parameters: { type: "object" }, run: () => {
  writeFileSync(${JSON.stringify(pidFile)}, String(spawn("sleep", ["60"]).pid));
  process.exit(1);
} });`,
        ),
      );
      await expect(tool.run({}, context())).rejects.toMatchObject({ code: "tool_failed" });
      const pid = Number(readFileSync(pidFile, "utf8"));
      try {
        await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
      } finally {
        if (isRunning(pid)) process.kill(pid, "SIGKILL");
      }
      await goesOn();
    },
  );

  it.runIf(process.platform === "linux")("that allocates without end is ended", async () => {
    await expect(does("allocates")).rejects.toMatchObject({ code: "tool_failed" });
    await goesOn();
    expect(log.lines.join()).toContain("takes too much memory");
  });
});
