import { describe, expect, it } from "vitest";
import type { ChildEvents, LauncherChild } from "../../../src/adapters/tools/child-processes.js";
import { ToolLauncher } from "../../../src/adapters/tools/launcher-client.js";
import type { FromLauncher, ToLauncher } from "../../../src/adapters/tools/tool-messages.js";
import type { ToolContext } from "../../../src/tools/tool.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeLog } from "../../fakes/fake-ports.js";

const MODULE = { path: "/t.mjs", version: 0 };
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function bench() {
  const log = new FakeLog();
  const launchers: { sent: ToLauncher[]; held: boolean; ended: boolean; events: ChildEvents }[] =
    [];
  const launcher = new ToolLauncher(log, (events): LauncherChild => {
    const one = { sent: [] as ToLauncher[], held: true, ended: false, events };
    launchers.push(one);
    return {
      send: (message) => void one.sent.push(message),
      end: () => {
        one.ended = true;
      },
      hold: (held) => {
        one.held = held;
      },
    };
  });
  const says = (message: FromLauncher) => launchers.at(-1)!.events.message(message);
  return { log, launchers, launcher, says };
}

const context = (signal = new AbortController().signal): ToolContext => ({
  callSid: sid(1),
  from: "+12025550100",
  to: "",
  agent: "support",
  language: "en",
  signal,
  nowEpochMs: 0,
});

describe("the launcher", () => {
  it("is started by its first use, and keeps the relay alive only while it is asked", async () => {
    const { launcher, launchers, says } = bench();
    expect(launchers).toHaveLength(0);
    const described = launcher.describe(MODULE);
    expect(launchers[0]).toMatchObject({
      held: true,
      sent: [{ type: "describe", id: 1, path: "/t.mjs", version: 0 }],
    });
    says({ type: "described", id: 1, tools: [] });
    expect(await described).toEqual([]);
    expect(launchers[0]!.held).toBe(false);
    launcher.warm(MODULE);
    expect(launchers[0]!.held).toBe(false);
    expect(launchers).toHaveLength(1);
  });

  it("tells why a module cannot be loaded", async () => {
    const { launcher, says } = bench();
    const described = launcher.describe(MODULE);
    says({ type: "load_failed", id: 1, reason: "no such file" });
    await expect(described).rejects.toMatchObject({
      code: "config_invalid",
      message: "/t.mjs cannot be loaded: no such file",
    });
  });

  it("hands a call over as plain data, and its end back", async () => {
    const { launcher, launchers, says } = bench();
    const { signal: _, ...plain } = context();
    const called = launcher.call(MODULE, "default", { order: "a" }, context());
    expect(launchers[0]!.sent[0]).toEqual({
      type: "call",
      id: 1,
      ...MODULE,
      key: "default",
      args: { order: "a" },
      context: plain,
    });
    says({ type: "result", id: 1, output: "fine" });
    expect(await called).toEqual({ output: "fine" });
  });

  it("tells a tool that throws, for the log, from one whose process is gone", async () => {
    const { launcher, says } = bench();
    const threw = launcher.call(MODULE, "default", {}, context());
    says({ type: "error", id: 1, stack: "Error: password=hunter2\n at refund" });
    await expect(threw).rejects.toMatchObject({
      message: "the tool threw",
      stack: "Error: password=hunter2\n at refund",
    });
    const gone = launcher.call(MODULE, "default", {}, context());
    says({ type: "unavailable", id: 2, reason: "its process died (SIGKILL)" });
    await expect(gone).rejects.toMatchObject({
      code: "tool_failed",
      message: "The tool failed.",
      cause: "its process died (SIGKILL)",
    });
  });

  it("passes the end of a call's time on, also when it was over before", async () => {
    const { launcher, launchers, says } = bench();
    const stop = new AbortController();
    const first = launcher.call(MODULE, "default", {}, context(stop.signal));
    stop.abort();
    const second = launcher.call(MODULE, "default", {}, context(stop.signal));
    const aborts = launchers[0]!.sent.filter(({ type }) => type === "abort");
    expect(aborts).toEqual([
      { type: "abort", id: 1 },
      { type: "abort", id: 2 },
    ]);
    for (const id of [1, 2]) says({ type: "unavailable", id, reason: "the call was given up" });
    await expect(first).rejects.toMatchObject({ code: "tool_failed" });
    await expect(second).rejects.toMatchObject({ code: "tool_failed" });
  });

  it("that dies fails what is under way, and is started again by the next use", async () => {
    const { launcher, launchers, says, log } = bench();
    const called = launcher.call(MODULE, "default", {}, context());
    launchers[0]!.events.ended("SIGKILL");
    await expect(called).rejects.toMatchObject({ code: "tool_failed" });
    expect(log.lines.filter((line) => line.startsWith("warn"))).toHaveLength(1);
    const next = launcher.call(MODULE, "default", {}, context());
    expect(launchers).toHaveLength(2);
    // News of the first one.
    launchers[0]!.events.ended("SIGKILL");
    says({ type: "result", id: 2, output: "fine" });
    expect(await next).toEqual({ output: "fine" });
  });

  it("that is stopped fails what is under way", async () => {
    const { launcher, launchers } = bench();
    const called = launcher.call(MODULE, "default", {}, context());
    launcher.stop();
    launcher.stop();
    await expect(called).rejects.toMatchObject({ code: "tool_failed" });
    expect(launchers[0]!.ended).toBe(true);
  });

  it("warns of processes that break the rules", async () => {
    const { launcher, says, log } = bench();
    launcher.warm(MODULE);
    says({ type: "warning", module: "/t.mjs", reason: "takes too much memory" });
    await settle();
    expect(log.lines.join()).toContain("takes too much memory");
  });

  it("gives each version of a module a process of its own", () => {
    const { launcher, launchers } = bench();
    const old = launcher.moduleAt("/t.mjs");
    launcher.beginVersion();
    launcher.warm(old);
    launcher.warm(launcher.moduleAt("/t.mjs"));
    expect(launchers[0]!.sent).toEqual([
      { type: "warm", path: "/t.mjs", version: 0 },
      { type: "warm", path: "/t.mjs", version: 1 },
    ]);
  });
});
