/** Every line of a call says which call, agent, node and worker it is of; on both paths. */
import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Turn, TurnContext } from "../../sim/model/script.js";
import { createLog } from "../../src/adapters/system/pino-log.js";
import type { ToolDefinition } from "../../src/domain/agent-profile.js";
import { agent } from "../fakes/call-bench.js";
import { startSipStage } from "../fakes/sip-stage.js";
import { type Stage, startStage } from "../fakes/stage.js";

type Line = Readonly<Record<string, unknown>>;

const GREETING = { text: "Hello.", audio: speechLike(600, 1) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(400, 2) };
const question = speechLike(700, 3);
/** Lines of the process, not of a call. */
const OF_THE_PROCESS = /^(listening|stopped|drain: )/;

let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

function capture() {
  const lines: Line[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  return { lines, log: createLog({ level: "debug", pretty: false, destination }) };
}

/** Nothing can listen there. */
const BROKEN: ToolDefinition = {
  name: "lookup_order",
  description: "",
  parameters: { type: "object" },
  source: {
    kind: "http",
    http: {
      method: "POST",
      url: "http://127.0.0.1:1/orders",
      headers: {},
      timeoutMs: 500,
      maxResponseBytes: 1_000,
      allowPrivateHosts: ["127.0.0.1"],
      idempotent: false,
    },
  },
  timeoutMs: 500,
  sayWhileWaiting: null,
};

/** What no line may hold, at any level: secrets, whole phone numbers, speech. */
function expectDiscreet(
  lines: readonly Line[],
  { twilio, model }: Stage,
  tokenCount: number,
): void {
  const text = JSON.stringify(lines);
  const numbers = text.match(/\+1\d{10}/g) ?? [];
  expect(numbers).toEqual([]);
  for (const secret of [twilio.authToken, model.apiKey, GREETING.text, ANSWER.text])
    expect(text).not.toContain(secret);
  // Of the streams: part of the TwiML.
  const tokens = twilio.legs.flatMap(({ events }) => {
    const twiml = JSON.stringify(events.entries.map(({ detail }) => detail["text"] ?? ""));
    return [...twiml.matchAll(/name=\\+"token\\+" value=\\+"([^"\\]+)/g)].map(
      ([, token]) => token!,
    );
  });
  expect(tokens).toHaveLength(tokenCount);
  for (const token of tokens) expect(text).not.toContain(token);
}

function expectWhole(lines: readonly Line[], callSid: string): void {
  const ofCalls = lines.filter(({ msg }) => !OF_THE_PROCESS.test(String(msg)));
  for (const line of ofCalls)
    expect(line).toMatchObject({ node: "n1", worker: 0, agent: "support", callSid });
  const texts = ofCalls.map(({ msg }) => msg);
  expect(texts.filter((text) => text === "call: started")).toHaveLength(1);
  expect(texts.filter((text) => text === "call: ended")).toHaveLength(1);
}

describe("the log of a whole call", () => {
  it("on the Media Streams path has node, worker, agent and callSid in every line", async () => {
    const { lines, log } = capture();
    const profile = agent({ tools: [BROKEN] });
    const next: Turn[] = [
      { say: GREETING },
      { calls: [{ name: "lookup_order", arguments: { query: "4217" } }] },
      { say: ANSWER },
    ];
    stage = await startStage(
      { turns: () => next.shift() ?? { say: ANSWER } },
      {
        agents: {
          agents: new Map([[profile.name, profile]]),
          numbers: new Map(),
          defaultAgent: profile.name,
        },
        env: { NODE_NAME: "n1" },
        overrides: { log },
        twilio: { speed: 4 },
      },
    );
    const caller = stage.twilio.placeCall();
    await stage.until(caller.sid, "agent_turn");
    await caller.say(question);
    await stage.until(caller.sid, "tool");
    const answered = () =>
      stage
        ?.written(caller.sid)
        .some((event) => event.type === "agent_turn" && event.voiceToVoiceMs !== null);
    await expect.poll(answered, { timeout: 10_000 }).toBe(true);
    stage.model.sessions.at(-1)?.crash();
    await expect.poll(() => lines.some(({ msg }) => msg === "model: session lost")).toBe(true);
    caller.press("0");
    await caller.ended;
    await stage.until(caller.sid, "ended");

    expectWhole(lines, caller.sid);
    expectDiscreet(lines, stage, 1);
    const texts = lines.map(({ msg }) => msg);
    for (const text of ["tools: tool failed", "model: session lost", "transfer: ended"])
      expect(texts).toContain(text);
    const record = stage.record(caller.sid);
    expect(lines.find(({ msg }) => msg === "call: started")).toMatchObject({
      path: "media-stream",
      direction: "inbound",
    });
    expect(lines.find(({ msg }) => msg === "call: ended")).toMatchObject({
      outcome: "transferred",
      reason: record.endReason,
      turns: record.turns.length,
      worstLatencyMs: Math.max(...record.turns.map((turn) => turn.voiceToVoiceMs ?? 0)),
      durationMs: Date.parse(record.endedAt ?? "") - Date.parse(record.startedAt ?? ""),
      costUsd: expect.any(Number),
    });
  });

  it("on the SIP path, with a transfer that fails, has them too", async () => {
    const { lines, log } = capture();
    let asked = 0;
    const sip = await startSipStage({
      env: { NODE_NAME: "n1" },
      overrides: { log },
      script: {
        turns: ({ index, cause }: TurnContext) => {
          if (index === 0) return { say: GREETING };
          if (cause !== "vad" || asked++ > 0) return { say: ANSWER };
          return { calls: [{ name: "transfer_call", arguments: { destination: "warm" } }] };
        },
      },
      twilio: { callees: () => ({ outcome: "busy" }) },
    });
    stage = sip;
    const caller = sip.place();
    const call = await sip.greeted();
    await sip.ask(caller);
    await expect.poll(() => lines.some(({ msg }) => msg === "transfer: ended")).toBe(true);
    await sip.said(call, 2);
    caller.hangUp();
    await sip.until(caller.sid, "ended");

    expectWhole(lines, caller.sid);
    expectDiscreet(lines, sip, 0);
    expect(lines.find(({ msg }) => msg === "call: started")).toMatchObject({ path: "sip" });
    expect(lines.find(({ msg }) => msg === "call: ended")).toMatchObject({ outcome: "completed" });
  });
});
