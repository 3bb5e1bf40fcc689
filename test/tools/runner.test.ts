import { describe, expect, it } from "vitest";
import { createJsonSchemaChecker } from "../../src/adapters/tools/json-schema.js";
import { RelayError } from "../../src/domain/errors.js";
import type { CallSid, ToolCallId } from "../../src/domain/ids.js";
import { ToolRegistry } from "../../src/tools/registry.js";
import { MAX_OUTPUT_CHARS } from "../../src/tools/result-text.js";
import { ToolRunner, type ToolRunObserver } from "../../src/tools/runner.js";
import type { Tool, ToolResult } from "../../src/tools/tool.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

function tool(name: string, run: Tool["run"], more: Partial<Tool> = {}): Tool {
  return {
    name,
    description: name,
    parameters: {
      type: "object",
      properties: { n: { type: "number" } },
      additionalProperties: false,
    },
    timeoutMs: 3_000,
    sayWhileWaiting: null,
    run,
    ...more,
  };
}

function bench(...tools: Tool[]) {
  return limited(3, ...tools);
}

function limited(maxCalls: number, ...tools: Tool[]) {
  const clock = new FakeClock();
  const runner = new ToolRunner({
    registry: new ToolRegistry(tools, createJsonSchemaChecker()),
    clock,
    log: new FakeLog(),
    maxCalls,
    context: () => ({
      callSid: "CA" as CallSid,
      from: "a",
      to: "b",
      agent: "support",
      language: "en",
    }),
  });
  return { clock, runner };
}

const QUIET: ToolRunObserver = { started: () => undefined, ended: () => undefined };
let lastId = 0;
const call = (name: string, args = "{}", id = `c${++lastId}`) => ({
  callId: id as ToolCallId,
  name,
  arguments: args,
});
const ok = async (): Promise<ToolResult> => ({ output: { fine: true } });
const never = (): Promise<ToolResult> => new Promise(() => undefined);

describe("ToolRunner", () => {
  it("answers the calls of a response side by side, each with its own id, in their order", async () => {
    const { runner } = bench(
      tool("a", ok),
      tool("b", async () => ({ output: "text" })),
    );
    const answers = await runner.run([call("a", "{}", "1"), call("b", "", "2")], QUIET);
    expect(answers).toMatchObject([
      { callId: "1", name: "a", output: '{"fine":true}', outcome: "ok", request: null },
      { callId: "2", name: "b", output: "text", outcome: "ok" },
    ]);
  });

  it.each([
    ["unknown tools", call("zzz"), "invalid", /no tool of that name. Your tools: a\./],
    ["names that no tool can have", call("z".repeat(5_000)), "invalid", /no tool of that name/],
    ["arguments that are no object", call("a", "[1]"), "invalid", /must be object/],
    ["arguments that are not JSON", call("a", '{"n":'), "invalid", /not valid JSON/],
    ["arguments against the schema", call("a", '{"n":"x"}'), "invalid", /n must be number/],
    [
      "arguments that the schema does not have",
      call("a", '{"m":1}'),
      "invalid",
      /additional properties: ..m/,
    ],
  ])("answers %s with what is wrong", async (_what, asked, outcome, text) => {
    const { runner } = bench(tool("a", ok));
    const [answer] = await runner.run([asked], QUIET);
    expect(answer).toMatchObject({ outcome });
    expect(answer!.output).toMatch(text);
  });

  it("answers a hanging tool at its deadline, and tells it to stop", async () => {
    let signal: AbortSignal | undefined;
    const { runner, clock } = bench(
      tool("a", (_args, context) => {
        signal = context.signal;
        return never();
      }),
    );
    const answers = runner.run([call("a")], QUIET);
    clock.advance(3_000);
    expect((await answers)[0]).toMatchObject({ outcome: "timeout", ms: 3_000 });
    expect(signal!.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("takes an answer that came while the process stood still", async () => {
    let answer: (result: ToolResult) => void = () => undefined;
    const { runner, clock } = bench(tool("a", () => new Promise((resolve) => (answer = resolve))));
    const answers = runner.run([call("a")], QUIET);
    clock.standStill(10_000);
    answer({ output: { fine: true } });
    expect((await answers)[0]).toMatchObject({ outcome: "ok", output: '{"fine":true}' });
    expect(clock.pending).toBe(0);
  });

  it("answers a call whose arguments cannot even be checked, and ends what it began", async () => {
    const readArguments = (): never => {
      throw new RangeError("Maximum call stack size exceeded");
    };
    const { runner } = bench(tool("a", ok, { readArguments }), tool("b", ok));
    const told: string[] = [];
    const observer = {
      started: (id: string) => void told.push(`started ${id}`),
      ended: (id: string) => void told.push(`ended ${id}`),
    };
    const answers = await runner.run([call("a", "{}", "1"), call("b", "{}", "2")], observer);
    expect(answers.map(({ outcome }) => outcome)).toEqual(["invalid", "ok"]);
    expect(told.sort()).toEqual(["ended 1", "ended 2", "started 1", "started 2"]);
  });

  it("answers a tool that throws without telling what a stranger's error says", async () => {
    const { runner } = bench(
      tool("a", () => {
        throw new Error("password=hunter2");
      }),
      tool("b", async () => {
        throw new RelayError("tool_blocked", "the address is not allowed");
      }),
    );
    const [a, b] = await runner.run([call("a"), call("b")], QUIET);
    expect(a).toMatchObject({ outcome: "error" });
    expect(a!.output).not.toContain("hunter2");
    expect(b!.output).toContain("not allowed");
  });

  it("cuts an answer that is too long, visibly", async () => {
    const { runner } = bench(tool("a", async () => ({ output: "x".repeat(10_000_000) })));
    const [answer] = await runner.run([call("a")], QUIET);
    expect(answer!.output.length).toBeLessThanOrEqual(MAX_OUTPUT_CHARS);
    expect(answer!.output).toContain("cut: 10000000 characters");
  });

  it("denies what is beyond the limit of a call, over all its batches", async () => {
    const { runner } = bench(tool("a", ok));
    const first = await runner.run([call("a"), call("a")], QUIET);
    const second = await runner.run([call("a"), call("a")], QUIET);
    expect([...first, ...second].map(({ outcome }) => outcome)).toEqual([
      "ok",
      "ok",
      "ok",
      "denied",
    ]);
  });

  it("leaves the ways out of a call open when the limit is reached", async () => {
    const { runner } = bench(tool("a", ok), tool("end_call", ok), tool("transfer_call", ok));
    await runner.run([call("a"), call("a"), call("a")], QUIET);
    const last = await runner.run([call("a"), call("end_call"), call("transfer_call")], QUIET);
    expect(last.map(({ outcome }) => outcome)).toEqual(["denied", "ok", "ok"]);
  });

  it.each([
    ["tool_blocked", "denied"],
    ["tool_arguments_invalid", "invalid"],
    ["tool_timeout", "timeout"],
    ["tool_failed", "error"],
  ] as const)("tells %s apart as %s, with its own words for the model", async (code, outcome) => {
    const { runner } = bench(
      tool("a", async () => {
        throw new RelayError(code, "in so many words");
      }),
    );
    const [answer] = await runner.run([call("a")], QUIET);
    expect(answer).toMatchObject({ outcome, output: '{"error":"in so many words"}' });
  });

  it("cancels what runs when the caller hangs up, and what is asked afterwards", async () => {
    const { runner, clock } = bench(tool("a", never));
    const answers = runner.run([call("a")], QUIET);
    runner.cancel();
    expect((await answers)[0]).toMatchObject({ outcome: "cancelled" });
    expect((await runner.run([call("a")], QUIET))[0]).toMatchObject({
      outcome: "cancelled",
    });
    expect(clock.pending).toBe(0);
  });

  it("tells a tool that has answered and kept its signal that the caller has hung up", async () => {
    let kept: AbortSignal | null = null;
    const { runner } = bench(
      tool("a", async (_args, { signal }) => {
        kept = signal;
        return { output: 1 };
      }),
    );
    await runner.run([call("a")], QUIET);
    expect(kept!.aborted).toBe(false);
    runner.cancel();
    expect(kept!.aborted).toBe(true);
  });

  it("answers a result that cannot be read as a failure, and its neighbours normally", async () => {
    const { runner } = bench(
      tool("none", async () => undefined as unknown as ToolResult),
      tool("hostile", async () => {
        const result = { output: 1 };
        Object.defineProperty(result, "output", {
          get: () => {
            throw new Error("hunter2");
          },
        });
        return result;
      }),
      tool("fine", ok),
    );
    const answers = await runner.run(
      [call("none", "{}", "1"), call("hostile", "{}", "2"), call("fine", "{}", "3")],
      QUIET,
    );
    expect(answers.map(({ callId, outcome }) => [callId, outcome])).toEqual([
      ["1", "error"],
      ["2", "error"],
      ["3", "ok"],
    ]);
    expect(JSON.stringify(answers)).not.toContain("hunter2");
  });

  it("keeps names and arguments of any length to a size that a record can hold", async () => {
    const { runner } = bench(tool("a", ok));
    const [answer] = await runner.run([call("z".repeat(5_000), "x".repeat(100_000))], QUIET);
    expect(answer!.name).toHaveLength(128);
    expect(answer!.metricName).toBe("unknown");
    expect(answer!.arguments).toHaveLength(MAX_OUTPUT_CHARS);
  });

  it("runs a call_id once, however often it stands in a response", async () => {
    let runs = 0;
    const { runner } = bench(
      tool("a", async () => {
        runs++;
        return ok();
      }),
    );
    const answers = await runner.run(
      [call("a", "{}", "1"), call("a", "{}", "1"), call("a", "{}", "2")],
      QUIET,
    );
    expect(answers.map(({ callId }) => callId)).toEqual(["1", "2"]);
    expect(runs).toBe(2);
  });

  it("tells an observer of the beginning and end of each run, with what is to be said meanwhile", async () => {
    const seen: string[] = [];
    const observer: ToolRunObserver = {
      started: (callId, say) => void seen.push(`${callId} started, says ${say}`),
      ended: (callId) => void seen.push(`${callId} ended`),
    };
    const { runner } = bench(tool("a", ok, { sayWhileWaiting: "One moment." }));
    await runner.run([call("a", "{}", "1"), call("zzz", "{}", "2")], observer);
    expect(seen.sort()).toEqual([
      "1 ended",
      "1 started, says One moment.",
      "2 ended",
      "2 started, says null",
    ]);
  });

  it.each(["cancel", "cancelRunning"] as const)(
    "tells once, on %s, what nobody waits for any more: what ran, and what had ended beside it",
    async (how) => {
      const { runner, clock } = bench(tool("slow", never), tool("a", ok));
      const answers = runner.run([call("a", "{}", "1"), call("slow", "{}", "2")], QUIET);
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(30);
      expect(runner[how]()).toMatchObject([
        { callId: "1", name: "a", outcome: "ok", ms: 0 },
        { callId: "2", name: "slow", outcome: "cancelled", ms: 30 },
      ]);
      expect(runner[how]()).toEqual([]);
      expect(await answers).toMatchObject([{ outcome: "ok" }, { outcome: "cancelled" }]);
    },
  );

  it("tells nothing once more of what has been answered", async () => {
    const { runner } = bench(tool("a", ok));
    await runner.run([call("a")], QUIET);
    expect(runner.cancel()).toEqual([]);
  });

  it("goes on for the next model when the one that asked is gone", async () => {
    const { runner, clock } = bench(tool("slow", never), tool("a", ok));
    const answers = runner.run([call("slow")], QUIET);
    runner.cancelRunning();
    expect((await answers)[0]).toMatchObject({ outcome: "cancelled" });
    expect((await runner.run([call("a")], QUIET))[0]).toMatchObject({ outcome: "ok" });
    expect(clock.pending).toBe(0);
  });

  it("slows a model down that calls tools without end, and tells it to speak", async () => {
    const { runner, clock } = limited(1_000, tool("a", ok), tool("end_call", ok));
    for (let round = 1; round <= 5; round++)
      expect((await runner.run([call("a")], QUIET))[0]).toMatchObject({ outcome: "ok" });
    const sixth = runner.run(
      [call("a"), call("end_call", "{}", "c2"), call("zzz", "{}", "c3")],
      QUIET,
    );
    let answered = false;
    void sixth.then(() => (answered = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    clock.advance(1_000);
    expect((await sixth).map(({ outcome }) => outcome)).toEqual(["denied", "ok", "denied"]);
    expect((await sixth)[0]!.output).toContain("Speak to the caller now");
    // The caller has been spoken to.
    clock.advance(3_000);
    expect((await runner.run([call("a")], QUIET))[0]).toMatchObject({ outcome: "ok" });
    expect(clock.pending).toBe(0);
  });

  it("runs the tools of each turn of a caller who is quick", async () => {
    const { runner, clock } = limited(1_000, tool("a", ok));
    for (let turn = 1; turn <= 12; turn++) {
      expect((await runner.run([call("a")], QUIET))[0]).toMatchObject({ outcome: "ok" });
      runner.replied();
    }
    expect(clock.pending).toBe(0);
  });

  it("answers at once, while it slows a model down, when the caller hangs up", async () => {
    const { runner, clock } = limited(1_000, tool("a", ok));
    for (let round = 1; round <= 5; round++) await runner.run([call("a")], QUIET);
    const sixth = runner.run([call("a")], QUIET);
    runner.cancel();
    expect(await sixth).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
