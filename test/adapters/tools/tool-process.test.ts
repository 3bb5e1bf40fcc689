/** The processes of tool modules as the relay and the launcher start them: real ones. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startLauncher, startToolProcess } from "../../../src/adapters/tools/child-processes.js";
import type {
  FromLauncher,
  PlainContext,
  ToLauncher,
} from "../../../src/adapters/tools/tool-messages.js";
import { sid } from "../../fakes/call-bench.js";

const CONTEXT: PlainContext = {
  callSid: sid(1),
  from: "",
  to: "",
  agent: "support",
  language: "en",
  nowEpochMs: 0,
};
const tool = (run: string) => `({
  [Symbol.for("murelay.tool")]: true, description: "d", timeoutMs: null, sayWhileWaiting: null,
  parameters: { type: "object", properties: {} },
  run: async (args, context) => { ${run} },
})`;

let folder = "";
const stops: (() => void)[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-tool-"));
});
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});
afterAll(() => rmSync(folder, { recursive: true }));

function module(code: string, name = "t.mjs"): string {
  const path = join(folder, name);
  writeFileSync(path, code);
  return path;
}
const until = (values: () => unknown, expected: unknown) =>
  expect.poll(values, { timeout: 20_000 }).toMatchObject(expected as object);

describe("a tool process", () => {
  function start(path: string) {
    const messages: unknown[] = [];
    const ends: string[] = [];
    const child = startToolProcess(path, {
      message: (value) => void messages.push(value),
      ended: (how) => void ends.push(how),
    });
    stops.push(() => child.kill());
    const call = (id: number, key: string) =>
      child.send({ type: "call", id, key, args: {}, context: CONTEXT });
    const of = (id: number) => messages.filter((message) => (message as { id?: number }).id === id);
    return { child, messages, ends, call, of };
  }

  it("declares its tools, runs them side by side, and tells what each of them throws", async () => {
    const code = `
      export default ${tool("return { output: context.agent };")};
      export const fails = ${tool("throw new Error('no such order');")};
      export const waits = ${tool(
        "return new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(new Error('aborted'))));",
      )};`;
    const { child, messages, call, of } = start(module(code));
    await until(
      () => messages,
      [{ type: "ready", tools: [{ key: "default" }, { key: "fails" }, { key: "waits" }] }],
    );
    call(1, "waits");
    call(2, "default");
    call(3, "fails");
    call(4, "none");
    child.send({ type: "ping", id: 5 });
    await until(() => of(2), [{ type: "started" }, { type: "result", output: "support" }]);
    await until(() => [of(3).length, of(4).length], [2, 2]);
    expect(JSON.stringify(of(3))).toContain("no such order");
    expect(JSON.stringify(of(4))).toContain("no tool is exported as none");
    expect(of(5)).toEqual([{ type: "pong", id: 5 }]);
    expect(of(1)).toEqual([{ type: "started", id: 1 }]);
    child.send({ type: "abort", id: 1 });
    await until(
      () =>
        of(1)
          .map((message) => (message as { type: string }).type)
          .sort(),
      ["aborted", "error", "started"],
    );
  });

  it.each([
    ["throws", "throw new Error('at load');", "t.mjs", "at load"],
    ["is no JavaScript", "export export", "t.mjs", ""],
  ])("tells that its module cannot be loaded when it %s", async (_, code, name, reason) => {
    const { messages } = start(module(code, name));
    await until(() => messages, [{ type: "load_failed" }]);
    expect((messages[0] as { reason: string }).reason).toContain(reason);
  });

  it("loads a CommonJS module, and keeps its own channel from the module", async () => {
    const code = `module.exports = { default: ${tool("return { output: typeof process.send };")} };`;
    const { messages, call, of } = start(module(code, "t.cjs"));
    await until(() => messages, [{ type: "ready" }]);
    const [{ tools }] = messages as [{ tools: { key: string }[] }];
    call(1, tools[0]!.key);
    await until(() => of(1), [{}, { type: "result", output: "undefined" }]);
  });
});

describe("the launcher of tool processes", () => {
  it("describes a module, runs its tools, and ends all its processes when the relay is gone", async () => {
    const path = module(
      `export default ${tool("return { output: String(process.pid) };")};`,
      "pid.mjs",
    );
    const messages: FromLauncher[] = [];
    const ends: string[] = [];
    const launcher = startLauncher({
      message: (value) => void messages.push(value as FromLauncher),
      ended: (how) => void ends.push(how),
    });
    stops.push(() => launcher.end());
    const at = { path, version: 1 };
    const send = (message: ToLauncher) => launcher.send(message);
    send({ type: "describe", id: 1, ...at });
    send({ type: "describe", id: 2, path: join(folder, "none.mjs"), version: 1 });
    await until(() => messages.find((one) => "id" in one && one.id === 1), { type: "described" });
    await until(() => messages.find((one) => "id" in one && one.id === 2), { type: "load_failed" });
    send({ type: "warm", ...at });
    send({ type: "call", id: 3, key: "default", args: {}, context: CONTEXT, ...at });
    await until(() => messages.find((one) => "id" in one && one.id === 3), { type: "result" });
    const result = messages.find((one) => one.type === "result");
    const pid = Number(result?.type === "result" ? result.output : "");
    const runs = () => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    expect(runs()).toBe(true);
    launcher.end();
    await until(() => ends, ["exit status 0"]);
    await expect.poll(runs, { timeout: 20_000 }).toBe(false);
  });

  it("keeps one version of a module ready: the next one takes its place", {
    timeout: 180_000,
  }, async () => {
    const pids = join(folder, "pids");
    const code = `import { appendFileSync } from "node:fs";
appendFileSync(${JSON.stringify(pids)}, process.pid + " ");
export default ${tool("return { output: String(process.pid) };")};`;
    const path = module(code, "kept.mjs");
    const launcher = startLauncher({ message: () => undefined, ended: () => undefined });
    stops.push(() => launcher.end());
    const started = () => (existsSync(pids) ? readFileSync(pids, "utf8").trim().split(" ") : []);
    const running = () => started().filter((pid) => existsSync(`/proc/${pid}`));
    for (const version of [1, 2, 3]) {
      launcher.send({ type: "keep_ready", path, version });
      await expect.poll(() => started().length, { timeout: 60_000 }).toBe(version);
      await expect.poll(running, { timeout: 60_000 }).toEqual(started().slice(-1));
    }
  });
});
