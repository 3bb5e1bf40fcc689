/** Tools that answer oddly, late or at the wrong moment: each call of a tool is answered, once. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, type ExpectStatic, vi } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { ScriptedCall, Turn } from "../../sim/model/script.js";
import type { ModelSession } from "../../sim/model/session.js";
import type { Leg } from "../../sim/twilio/leg.js";
import type { ToolDefinition } from "../../src/domain/agent-profile.js";
import { agent } from "../fakes/call-bench.js";
import { builtinTools, hears } from "../fakes/heard-call.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const PREAMBLE = { text: "Let me look, this takes a moment.", audio: speechLike(3_000, 2) };
/** Longer than a tool takes of which a busy machine thinks last. */
const LONG_PREAMBLE = { ...PREAMBLE, audio: speechLike(5_000, 7) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(500, 3) };
const FILLER = "One moment, I am still looking.";
const question = speechLike(600, 4);
/** Time in which a second answer would have come. */
const QUIET_MS = 2_500;

const folder = mkdtempSync(join(tmpdir(), "murelay-e2e-tool-"));
const path = join(folder, "odd.mjs");
writeFileSync(
  path,
  `import { existsSync } from "node:fs";
import { defineTool } from "murelay";
const cycle = { name: "cycle" };
cycle.self = cycle;
const results = {
  cycle, bigint: { id: 12345678901234567890n }, undefined: undefined, nothing: null,
  function: () => 1, symbol: Symbol("s"), map: new Map([["a", 1]]), nan: Number.NaN,
  getter: { get broken() { throw new Error("not to be read"); } },
  json: { toJSON() { throw new Error("not to be written"); } },
};
export default defineTool({
  description: "Answers oddly",
  parameters: { type: "object" },
  timeoutMs: 15000,
  run: async ({ result, ms = 0, until }) => {
    do await new Promise((done) => setTimeout(done, ms)); while (until && !existsSync(until));
    return result === undefined ? { found: true } : results[result];
  },
});
`,
);

/** The keys of `results` in the tool. */
const RESULTS = [
  ...["cycle", "bigint", "undefined", "nothing", "function", "symbol"],
  ...["map", "nan", "getter", "json"],
];

function oddTool(sayWhileWaiting: string | null = null): ToolDefinition {
  return {
    name: "odd",
    description: "",
    parameters: { type: "object" },
    source: { kind: "module", path },
    timeoutMs: 15_000,
    sayWhileWaiting,
  };
}

const odd = (args: object): ScriptedCall => ({ name: "odd", arguments: { ...args } });

/** Their agent says FILLER while the tool `odd` works. */
const PATIENT_NUMBER = "+12025550101";

/** Tests run beside each other in calls of one relay: the tools of each would be a process more. */
let on: Stage;
/** What the model says in the session that is dialled next. */
let next: readonly Turn[] = [];
beforeAll(async () => {
  const tools = builtinTools("lookup_order");
  const plain = agent({ tools: [oddTool(), ...tools] });
  const patient = { ...agent({ tools: [oddTool(FILLER), ...tools] }), name: "patient" };
  on = await startStage(
    { turns: [] },
    {
      agents: {
        agents: new Map([plain, patient].map((one) => [one.name, one])),
        numbers: new Map([[PATIENT_NUMBER, patient.name]]),
        defaultAgent: plain.name,
      },
      model: { script: () => ({ turns: [{ say: GREETING }, ...next] }) },
    },
  );
  // The process of the tool starts with the first call, and takes its time on busy cores.
  const { call } = await place([{ calls: [odd({})] }, { say: ANSWER }]);
  await hears(call, GREETING.audio);
  await call.say(question);
  await on.until(call.sid, "tool");
  call.hangUp();
  await call.ended;
}, 60_000);
afterAll(async () => {
  await on?.close();
  rmSync(folder, { recursive: true });
});

let placed: Promise<unknown> = Promise.resolve();

/** One after the other: a session that is new belongs to the call that was placed last. */
function place(turns: readonly Turn[], to?: string) {
  const call = placed.then(async () => {
    next = turns;
    const { sessions } = on.model;
    const before = sessions.length;
    const leg = on.twilio.placeCall(to === undefined ? {} : { to });
    await vi.waitUntil(() => sessions.length > before, { timeout: 10_000, interval: 5 });
    return { call: leg, session: sessions[before]! };
  });
  placed = call.catch(() => undefined);
  return call;
}

/** A caller who is greeted, and asks. */
async function asks(closes: Closes, turns: readonly Turn[], to?: string) {
  const { call, session } = await place(turns, to);
  closes({
    close: async () => {
      call.hangUp();
      await call.ended;
    },
  });
  await hears(call, GREETING.audio);
  await call.say(question);
  return { call, session };
}

function outputsIn({ events }: ModelSession): string[] {
  return events.flatMap(({ event }) => {
    const item = event["item"] as { type?: string; call_id?: string } | undefined;
    return item?.type === "function_call_output" ? [item.call_id ?? ""] : [];
  });
}

async function pass(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

async function isAnsweredOnce(
  expect: ExpectStatic,
  { call, session }: { readonly call: Leg; readonly session: ModelSession },
  responses: number,
): Promise<void> {
  await hears(call, ANSWER.audio);
  await pass(QUIET_MS);
  expect(session.responses).toHaveLength(responses);
  expect(on.model.violations()).toEqual([]);
  expect(session.races).toEqual([]);
  expect(new Set(outputsIn(session)).size).toBe(outputsIn(session).length);
}

describe.concurrent("say_while_waiting after a spoken preamble", () => {
  const words = ({ events }: ModelSession): string =>
    JSON.stringify(events.filter(({ type }) => type === "response.create"));

  it("is not said when the tool answers before the preamble has been heard", async ({
    closes,
    expect,
  }) => {
    const { call, session } = await asks(
      closes,
      [{ say: LONG_PREAMBLE, calls: [odd({ ms: 1_500 })] }, { say: ANSWER }],
      PATIENT_NUMBER,
    );
    await hears(call, LONG_PREAMBLE.audio);
    await isAnsweredOnce(expect, { call, session }, 3);
    expect(words(session)).not.toContain(FILLER);
  });

  it("is said 0.7 s after the caller has heard the last sound", async ({ closes, expect }) => {
    const filler = { text: FILLER, audio: speechLike(700, 6) };
    const { call, session } = await asks(
      closes,
      [{ say: PREAMBLE, calls: [odd({ ms: 7_000 })] }, { say: filler }, { say: ANSWER }],
      PATIENT_NUMBER,
    );
    await hears(call, filler.audio);
    await isAnsweredOnce(expect, { call, session }, 4);
    expect(words(session).split(FILLER)).toHaveLength(2);
    expect(on.twilio.longestSilence(call).ms).toBeLessThanOrEqual(8_000);
  });
});

describe.concurrent("a tool's result that comes while the caller speaks", () => {
  it("is part of the one answer to what they say", async ({ closes, expect }) => {
    const until = join(folder, "now");
    const tool = odd({ ms: 20, until });
    const { call, session } = await asks(closes, [{ calls: [tool] }, { say: ANSWER }]);
    await expect.poll(() => session.responses[1]?.status, { timeout: 10_000 }).toBe("completed");
    // speech_stopped and committed come in one packet.
    const said = call.say(speechLike(4_000, 5));
    await expect.poll(() => session.speech.length, { timeout: 10_000 }).toBe(2);
    writeFileSync(until, "");
    await on.until(call.sid, "tool");
    expect(session.speech.at(-1)?.stoppedAtMs).toBeNull();
    await said;
    await isAnsweredOnce(expect, { call, session }, 3);
    expect(outputsIn(session)).toHaveLength(1);
  });
});

describe.concurrent("calls whose result JSON cannot express", () => {
  it("are answered, each of them, and so are their neighbours", async ({ closes, expect }) => {
    const lookUp = { name: "lookup_order", arguments: { query: "4217" } };
    const calls = [...RESULTS.map((result) => odd({ result })), lookUp];
    const { call, session } = await asks(closes, [{ calls }, { say: ANSWER }]);
    await isAnsweredOnce(expect, { call, session }, 3);
    expect(outputsIn(session)).toHaveLength(calls.length);
    expect(on.record(call.sid).tools).toHaveLength(calls.length);
  });

  it.for(["cycle", "bigint"])("are answered alone: %s", async (result, { closes, expect }) => {
    const { call, session } = await asks(closes, [{ calls: [odd({ result })] }, { say: ANSWER }]);
    await isAnsweredOnce(expect, { call, session }, 3);
    expect(outputsIn(session)).toHaveLength(1);
  });
});

describe.concurrent("calls that no tool can take", () => {
  const long = { name: "n".repeat(600), arguments: {} };

  it("are answered, each of them, and so are their neighbours", async ({ closes, expect }) => {
    const calls = [
      long,
      { name: "", arguments: {} },
      { name: "teleport", arguments: {} },
      { name: "constructor", arguments: {} },
      { name: "odd", arguments: "{" },
      { name: "odd", arguments: "[1]" },
      { name: "odd", arguments: "" },
      odd({ text: "x".repeat(5_000) }),
      odd({}),
    ];
    const { call, session } = await asks(closes, [{ calls }, { say: ANSWER }]);
    await isAnsweredOnce(expect, { call, session }, 3);
    expect(outputsIn(session)).toHaveLength(calls.length);
    expect(JSON.stringify(on.record(call.sid).tools).length).toBeLessThan(20_000);
  });

  it("are answered alone: a name of 600 characters", async ({ closes, expect }) => {
    const { call, session } = await asks(closes, [{ calls: [long] }, { say: ANSWER }]);
    await isAnsweredOnce(expect, { call, session }, 3);
    expect(outputsIn(session)).toHaveLength(1);
  });

  it("are answered once where two have one id", async ({ closes, expect }) => {
    const twin = { name: "lookup_order", arguments: { query: "1" }, callId: "call_twin" };
    const { call, session } = await asks(closes, [{ calls: [twin, twin] }, { say: ANSWER }]);
    await isAnsweredOnce(expect, { call, session }, 3);
    expect(outputsIn(session)).toEqual(["call_twin"]);
  });
});

describe.concurrent("a function call in every response", () => {
  it("is not an endless loop: the caller goes to a person within seconds", async ({
    closes,
    expect,
  }) => {
    const lookUp = { name: "lookup_order", arguments: { query: "4217" } };
    const { call, session } = await asks(closes, Array(60).fill({ calls: [lookUp], delayMs: 20 }));
    await call.events.until("dial_bridged", {}, 20_000);
    const creates = session.events.filter(({ type }) => type === "response.create");
    expect(creates.length).toBeLessThanOrEqual(15);
    expect(on.twilio.longestSilence(call).ms).toBeLessThanOrEqual(8_000);
  });
});

describe.concurrent("calls that run when the caller hangs up", () => {
  it("are in the record, with those that had ended beside them", async ({ closes, expect }) => {
    const lookUp = { name: "lookup_order", arguments: { query: "4217" } };
    const { call, session } = await asks(closes, [{ calls: [odd({ ms: 12_000 }), lookUp] }]);
    await expect.poll(() => session.responses[1]?.status, { timeout: 10_000 }).toBe("completed");
    await pass(500);
    call.hangUp();
    await on.until(call.sid, "ended");
    expect(on.record(call.sid).tools).toMatchObject([
      { name: "odd", outcome: "cancelled" },
      { name: "lookup_order", outcome: "ok", output: expect.stringContaining("monkeys") },
    ]);
    expect(await on.metrics()).toContain(
      'murelay_tool_seconds_count{tool="odd",outcome="cancelled",worker="0"} 1',
    );
  });
});
