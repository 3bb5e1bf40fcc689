/**
 * What the metrics say of real calls, against what the simulators saw of them: Twilio's phone knows
 * when the caller fell silent and when the answer was heard, the model and the tool's server know
 * what they were asked.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { silence, speechLike } from "../../sim/audio/synth.js";
import type { Script } from "../../sim/model/script.js";
import type { ModelSession } from "../../sim/model/session.js";
import { heardItem, heardMs } from "../../sim/twilio/heard.js";
import type { Leg } from "../../sim/twilio/leg.js";
import type { ToolDefinition } from "../../src/domain/agent-profile.js";
import { agent } from "../fakes/call-bench.js";
import { quantileOf, readSamples, type Sample, sumOf } from "../fakes/exposition-reader.js";
import { type Stage, startStage } from "../fakes/stage.js";

const CALLS = 8;
const TOOL_MS = 250;
const QUESTION = speechLike(600, 99);

interface Answers {
  readonly greeting: Buffer;
  readonly first: Buffer;
  readonly long: Buffer;
  readonly last: Buffer;
}

/** Each answer sounds like no other, so that it can be found in what was played. */
const ANSWERS: readonly Answers[] = Array.from({ length: CALLS }, (_, call) => ({
  greeting: speechLike(400, 4 * call + 1),
  first: speechLike(300, 4 * call + 2),
  long: speechLike(6_000, 4 * call + 3),
  last: speechLike(300, 4 * call + 4),
}));

const say = (text: string, audio: Buffer) => ({ say: { text, audio } });

/** Greeting; a tool; an answer that is interrupted; an answer. Each takes another time. */
function scriptOf(answers: Answers, call: number): Script {
  const delayMs = 150 + 40 * call;
  return {
    turns: [
      say("Hello.", answers.greeting),
      { calls: [{ name: "lookup_order", arguments: { query: "4217" } }], delayMs },
      { ...say("It left yesterday.", answers.first), delayMs },
      { ...say("Let me tell you all of it.", answers.long), delayMs },
      { ...say("Fine.", answers.last), delayMs },
    ],
  };
}

let stage: Stage;
let crm: Server;
let toolRequests = 0;

beforeAll(async () => {
  crm = createServer((_request, response) => {
    toolRequests++;
    setTimeout(() => response.end("{}"), TOOL_MS);
  });
  await new Promise<void>((done) => crm.listen(0, "127.0.0.1", done));
  const tool: ToolDefinition = {
    name: "lookup_order",
    description: "",
    parameters: { type: "object" },
    source: {
      kind: "http",
      http: {
        method: "POST",
        url: `http://127.0.0.1:${(crm.address() as AddressInfo).port}/orders`,
        headers: {},
        timeoutMs: 3_000,
        maxResponseBytes: 1_000,
        allowPrivateHosts: ["127.0.0.1"],
        idempotent: false,
      },
    },
    timeoutMs: 3_000,
    sayWhileWaiting: null,
  };
  const profile = agent({ tools: [tool] });
  const scripts = new Map<ModelSession, Script>();
  stage = await startStage([] as never, {
    agents: {
      agents: new Map([[profile.name, profile]]),
      numbers: new Map(),
      defaultAgent: profile.name,
    },
    model: {
      script: (session) => {
        const call = scripts.size;
        const script = scriptOf(ANSWERS[call]!, call);
        scripts.set(session, script);
        return script;
      },
    },
    twilio: { callees: () => ({ talkMs: 100 }) },
  });
});

afterAll(async () => {
  await stage.close();
  crm.close();
});

async function heard(call: Leg, audio: Uint8Array, ms: number): Promise<void> {
  const far = () => (call.stream === null ? 0 : (heardMs(call.stream, audio) ?? 0));
  await expect.poll(far, { timeout: 15_000, interval: 20 }).toBeGreaterThanOrEqual(ms);
}

/** From the caller's last word to the answer's first, as the phone knows it, in ms. */
async function ask(call: Leg, answer: Uint8Array, pauseMs = 200): Promise<number> {
  if (pauseMs > 0) await call.say(silence(pauseMs));
  await call.say(QUESTION);
  const silentMs = performance.now();
  await heard(call, answer, 280);
  return heardItem(call.stream!, answer)!.startedAtMs - silentMs;
}

async function place(call: number): Promise<readonly number[]> {
  const leg = stage.twilio.placeCall();
  await leg.events.until("stream_started");
  // Which model session serves which call is known by the greeting that is heard.
  const found = () =>
    ANSWERS.find(
      ({ greeting }) => leg.stream !== null && (heardMs(leg.stream, greeting) ?? 0) >= 380,
    );
  await expect.poll(found, { timeout: 15_000, interval: 20 }).toBeDefined();
  const answers = found()!;
  const waits = [
    await ask(leg, answers.first),
    await ask(leg, answers.long),
    // This one interrupts.
    await ask(leg, answers.last, 0),
  ];
  // A key cuts off what is still being said, and is no interruption by speech.
  await leg.say(silence(200));
  if (call % 2 === 0) leg.press("0");
  else leg.hangUp();
  await leg.ended;
  return waits;
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.floor(half - 0.5)]! + sorted[Math.ceil(half - 0.5)]!) / 2;
};

it("the metrics agree with what phone, model and tool saw", async () => {
  const waits = (await Promise.all(Array.from({ length: CALLS }, (_, n) => place(n)))).flat();
  const { legs } = stage.twilio;
  const callers = legs.filter(({ direction }) => direction === "inbound");
  const ended = (samples: readonly Sample[]) => sumOf(samples, "murelay_calls_total");
  await expect
    .poll(async () => ended(readSamples(await stage.metrics())), { timeout: 15_000 })
    .toBe(callers.length);
  const samples = readSamples(await stage.metrics());
  const count = (name: string, labels = {}) => sumOf(samples, `murelay_${name}`, labels);

  // Exact: calls, interruptions, transfers, tools.
  const bridged = callers.filter(({ events }) =>
    events.entries.some((e) => e.kind === "dial_bridged"),
  );
  expect(bridged).toHaveLength(CALLS / 2);
  expect(count("calls_total", { outcome: "transferred", agent: "support" })).toBe(bridged.length);
  expect(count("calls_total", { outcome: "completed" })).toBe(CALLS - bridged.length);
  expect(count("transfers_total", { kind: "dial", outcome: "answered" })).toBe(bridged.length);
  expect(count("transfers_total")).toBe(bridged.length);
  const clears = callers.flatMap(({ events }) => events.entries.filter((e) => e.kind === "clear"));
  expect(clears).toHaveLength(CALLS);
  expect(count("barge_ins_total")).toBe(clears.length);
  expect(count("barge_in_clear_seconds_count")).toBe(clears.length);
  expect(toolRequests).toBe(CALLS);
  expect(count("tool_seconds_count", { tool: "lookup_order", outcome: "ok" })).toBe(toolRequests);
  expect(count("tool_seconds_count")).toBe(toolRequests);

  // Voice to voice, against the phone.
  const name = "murelay_voice_to_voice_seconds";
  expect(count("voice_to_voice_seconds_count")).toBe(waits.length);
  const p50Ms = quantileOf(samples, name, 0.5) * 1000;
  expect(Math.abs(p50Ms - median(waits))).toBeLessThanOrEqual(20);

  // Its parts add up, and each is where the simulators put it.
  const meanMs = (metric: string, labels = {}) =>
    (count(`${metric}_sum`, labels) / waits.length) * 1000;
  const part = (of: string) => meanMs("voice_to_voice_part_seconds", { part: of });
  const parts = ["end_of_turn", "model", "tool", "relay"].map(part);
  const totalMs = meanMs("voice_to_voice_seconds");
  expect(Math.abs(parts.reduce((sum, ms) => sum + ms, 0) - totalMs)).toBeLessThanOrEqual(5);
  // One answer in three waited for a tool.
  expect(part("tool") * 3).toBeGreaterThanOrEqual(TOOL_MS - 2);
  expect(part("tool") * 3).toBeLessThan(TOOL_MS + 200);
  // The silence that turn detection waits for.
  expect(part("end_of_turn")).toBeGreaterThanOrEqual(470);
  expect(part("end_of_turn")).toBeLessThan(800);
  expect(part("relay")).toBeLessThan(100);
  for (const event of callers.flatMap(({ sid }) => stage.written(sid))) {
    if (event.type !== "agent_turn" || event.parts === undefined) continue;
    const sum = Object.values(event.parts).reduce((total, ms) => total + ms, 0);
    expect(Math.abs(sum - event.voiceToVoiceMs!)).toBeLessThanOrEqual(5);
  }
}, 60_000);
