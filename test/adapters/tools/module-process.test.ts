import { describe, expect, it } from "vitest";
import type { ChildEvents, ToolChild } from "../../../src/adapters/tools/child-processes.js";
import {
  type CallEnd,
  type LoadEnd,
  ModuleProcess,
} from "../../../src/adapters/tools/module-process.js";
import type { PlainContext, ToToolProcess } from "../../../src/adapters/tools/tool-messages.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";

const MIB = 1024 * 1024;
const TOOL = {
  key: "default",
  description: "Refund",
  parameters: { type: "object" },
  timeoutMs: null,
  sayWhileWaiting: null,
};
const CONTEXT: PlainContext = {
  callSid: sid(1),
  from: "",
  to: "",
  agent: "support",
  language: "en",
  nowEpochMs: 0,
};

class FakeChild implements ToolChild {
  readonly pid = 1;
  readonly sent: ToToolProcess[] = [];
  readonly events: ChildEvents;
  killed = false;
  bytes: number | null = 60 * MIB;

  constructor(events: ChildEvents) {
    this.events = events;
  }

  send(message: ToToolProcess): void {
    this.sent.push(message);
  }

  kill(): void {
    this.killed = true;
  }

  memoryBytes(): Promise<number | null> {
    return Promise.resolve(this.bytes);
  }

  ready(): void {
    this.events.message({ type: "ready", tools: [TOOL] });
  }

  of<Type extends ToToolProcess["type"]>(type: Type): Extract<ToToolProcess, { type: Type }>[] {
    return this.sent.filter(
      (message): message is Extract<ToToolProcess, { type: Type }> => message.type === type,
    );
  }
}

function bench() {
  const clock = new FakeClock();
  const children: FakeChild[] = [];
  const warnings: string[] = [];
  const module = new ModuleProcess("/tools/refund.mjs", {
    clock,
    start: (_path, events) => {
      const child = new FakeChild(events);
      children.push(child);
      return child;
    },
    warn: (reason) => void warnings.push(reason),
  });
  const ends: [number, CallEnd][] = [];
  const call = (id: number) =>
    module.call(id, "default", { order: "a" }, CONTEXT, (end) => void ends.push([id, end]));
  /** In steps, as memory is looked at between timers. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 250) {
      clock.advance(Math.min(250, left));
      await Promise.resolve();
      await Promise.resolve();
    }
  };
  return { clock, children, warnings, module, ends, call, pass };
}

describe("a module's process", () => {
  it("is started to tell what the module declares, and ended again", () => {
    const { module, children, clock } = bench();
    const seen: LoadEnd[] = [];
    module.describe((end) => void seen.push(end));
    module.describe((end) => void seen.push(end));
    expect(children).toHaveLength(1);
    children[0]!.ready();
    expect(seen).toEqual([
      { type: "loaded", tools: [TOOL] },
      { type: "loaded", tools: [TOOL] },
    ]);
    expect(children[0]!.killed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it.each<[string, (child: FakeChild, clock: FakeClock) => void, string]>([
    [
      "that cannot load says why",
      (child) => child.events.message({ type: "load_failed", reason: "no such file" }),
      "no such file",
    ],
    [
      "that dies at load",
      (child) => child.events.ended("exit status 1"),
      "its process died (exit status 1)",
    ],
    [
      "that never loads",
      (_child, clock) => clock.advance(20_000),
      "its process did not load in time",
    ],
  ])("%s", (_what, happens, reason) => {
    const { module, children, clock } = bench();
    const seen: LoadEnd[] = [];
    module.describe((end) => void seen.push(end));
    happens(children[0]!, clock);
    expect(seen).toEqual([{ type: "load_failed", reason }]);
    expect(module.isRunning).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it("runs calls side by side once the module is loaded, each answered with its own result", () => {
    const { children, ends, call } = bench();
    call(1);
    call(2);
    expect(children).toHaveLength(1);
    const [child] = children;
    expect(child!.of("call")).toEqual([]);
    child!.ready();
    expect(child!.of("call").map(({ id }) => id)).toEqual([1, 2]);
    child!.events.message({ type: "result", id: 2, output: "two" });
    child!.events.message({ type: "error", id: 1, stack: "Error: one" });
    child!.events.message({ type: "result", id: 1, output: "again" });
    expect(ends).toEqual([
      [2, { type: "result", id: 2, output: "two" }],
      [1, { type: "error", id: 1, stack: "Error: one" }],
    ]);
  });

  it("takes no notice of what is not ours", () => {
    const { children, ends, call } = bench();
    call(1);
    children[0]!.ready();
    for (const noise of [
      null,
      7,
      "x",
      [],
      {},
      { type: "result", id: 1 },
      { type: "result", id: 9, output: "" },
    ])
      children[0]!.events.message(noise);
    expect(ends).toEqual([]);
  });

  it("that is stuck costs no call that had not reached its tool: another process runs it", async () => {
    const { module, children, ends, call, pass } = bench();
    call(1);
    children[0]!.ready();
    children[0]!.events.message({ type: "started", id: 1 });
    module.abort(1);
    call(2);
    await pass(750);
    expect(ends.map(([id]) => id)).toEqual([1]);
    expect(children).toHaveLength(2);
    children[1]!.ready();
    expect(children[1]!.of("call").map(({ id }) => id)).toEqual([2]);
    // Only once: it may be this very call that is too much for the module.
    children[1]!.events.ended("SIGABRT");
    expect(ends.map(([id]) => id)).toEqual([1, 2]);
  });

  it("that dies costs the calls under way, and the next call starts another", () => {
    const { children, ends, call, warnings } = bench();
    call(1);
    children[0]!.ready();
    children[0]!.events.message({ type: "started", id: 1 });
    children[0]!.events.ended("SIGABRT");
    expect(ends).toEqual([[1, { type: "unavailable", reason: "its process died (SIGABRT)" }]]);
    expect(warnings).toEqual(["died (SIGABRT)"]);
    call(2);
    children[1]!.ready();
    children[1]!.events.message({ type: "result", id: 2, output: "fine" });
    expect(ends[1]).toMatchObject([2, { output: "fine" }]);
  });

  it("that dies again and again is started later and later, until a call succeeds", () => {
    const { children, ends, call, clock } = bench();
    const dies = (id: number): boolean => {
      const before = children.length;
      call(id);
      if (children.length === before) return false;
      children.at(-1)!.events.ended("exit status 1");
      return true;
    };
    expect(dies(1)).toBe(true);
    expect(dies(2)).toBe(true);
    expect(dies(3)).toBe(false);
    expect(ends.at(-1)).toEqual([
      3,
      { type: "unavailable", reason: "it has ended again and again, and is started later" },
    ]);
    clock.advance(1_000);
    expect(dies(4)).toBe(true);
    clock.advance(1_999);
    expect(dies(5)).toBe(false);
    clock.advance(1);
    call(6);
    children.at(-1)!.ready();
    children.at(-1)!.events.message({ type: "result", id: 6, output: "fine" });
    children.at(-1)!.events.ended("exit status 1");
    // The first death after a success.
    expect(dies(7)).toBe(true);
  });

  it("tells the tool to stop, and is ended when it is stuck", async () => {
    const { module, children, ends, call, pass, warnings } = bench();
    call(1);
    children[0]!.ready();
    module.abort(1);
    children[0]!.events.message({ type: "aborted", id: 1 });
    expect(ends).toEqual([[1, { type: "unavailable", reason: "the call was given up" }]]);
    await pass(2_000);
    children[0]!.events.message({ type: "pong", id: children[0]!.of("ping").at(-1)?.id });
    expect(children[0]!.killed).toBe(false);

    call(2);
    call(3);
    children[0]!.events.message({ type: "started", id: 2 });
    children[0]!.events.message({ type: "started", id: 3 });
    module.abort(2);
    await pass(749);
    expect(children[0]!.killed).toBe(false);
    await pass(1);
    expect(children[0]!.killed).toBe(true);
    expect(warnings).toEqual(["does not answer"]);
    expect(ends.slice(1)).toEqual([
      [2, { type: "unavailable", reason: "its process does not answer" }],
      [3, { type: "unavailable", reason: "its process does not answer" }],
    ]);
  });

  it("gives up a call that is stopped before the module is loaded", () => {
    const { module, children, ends, call } = bench();
    call(1);
    module.abort(1);
    module.abort(1);
    module.abort(99);
    expect(ends).toEqual([[1, { type: "unavailable", reason: "the call was given up" }]]);
    children[0]!.ready();
    expect(children[0]!.of("call")).toEqual([]);
  });

  it("may compute while a call runs, but not between calls", async () => {
    const { children, call, pass } = bench();
    call(1);
    children[0]!.ready();
    await pass(60_000);
    expect(children[0]!.killed).toBe(false);
    children[0]!.events.message({ type: "result", id: 1, output: "" });
    await pass(5_000);
    expect(children[0]!.of("ping")).toHaveLength(1);
    await pass(2_000);
    expect(children[0]!.killed).toBe(true);
  });

  it("that takes too much memory is ended", async () => {
    const { children, ends, call, pass, warnings } = bench();
    call(1);
    children[0]!.ready();
    children[0]!.events.message({ type: "started", id: 1 });
    children[0]!.bytes = 512 * MIB;
    await pass(1_000);
    expect(children[0]!.killed).toBe(false);
    children[0]!.bytes = 513 * MIB;
    await pass(250);
    expect(children[0]!.killed).toBe(true);
    expect(warnings).toEqual(["takes too much memory"]);
    expect(ends[0]?.[1].type).toBe("unavailable");
  });

  it.each(["warm", "keepReady"] as const)(
    "goes on running after it has described itself: %s",
    (why) => {
      const { module, children } = bench();
      const seen: unknown[] = [];
      module[why](() => undefined);
      module.describe((end) => void seen.push(end));
      children[0]!.ready();
      expect([seen.length, children.length, module.isRunning]).toEqual([1, 1, true]);
    },
  );

  it("that is kept ready ends when it is replaced, unless a call has used it", () => {
    const [unused, used] = [bench(), bench()];
    for (const { module, children } of [unused, used]) {
      const loaded: string[] = [];
      module.keepReady(() => void loaded.push("loaded"));
      expect(loaded).toEqual([]);
      children[0]!.ready();
      // It is at once what is loaded already.
      module.keepReady(() => void loaded.push("again"));
      expect(loaded).toEqual(["loaded", "again"]);
    }
    used.call(1);
    for (const { module } of [unused, used]) module.replaced();
    expect([unused.module.isRunning, used.module.isRunning]).toEqual([false, true]);
    unused.call(1);
    expect(unused.children).toHaveLength(2);
  });

  it("is ended when it has not been called for five minutes, and started before a call may come", async () => {
    const { module, children, call, pass, clock } = bench();
    module.warm();
    module.warm();
    expect(children).toHaveLength(1);
    children[0]!.ready();
    const answerPings = async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= 1_000) {
        await pass(1_000);
        const { id } = children[0]!.of("ping").at(-1) ?? { id: 0 };
        children[0]!.events.message({ type: "pong", id });
      }
    };
    await answerPings(299_000);
    expect(module.isRunning).toBe(true);
    await answerPings(7_000);
    expect(module.isRunning).toBe(false);
    expect(clock.pending).toBe(0);
    call(1);
    expect(children).toHaveLength(2);
  });
});
