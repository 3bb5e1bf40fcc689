import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Script, ScriptedCall, Turn } from "../../sim/model/script.js";
import type { ModelSession } from "../../sim/model/session.js";
import type { Leg } from "../../sim/twilio/leg.js";
import type { Party } from "../../sim/twilio/party.js";
import { agent } from "../fakes/call-bench.js";
import { builtinTools, hears, onlyAgent } from "../fakes/heard-call.js";
import { type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(300, 1) };
const BYE = { text: "I connect you.", audio: speechLike(300, 2) };
const BACK = { text: "The line is busy.", audio: speechLike(300, 3) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(300, 4) };
const LONG = { text: "Let me tell you all of it.", audio: speechLike(2_500, 5) };
const question = speechLike(600, 6);
const MOST_SILENCE_MS = 8_000;

let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

async function start(
  script: Script,
  options: Parameters<typeof startStage>[1] = {},
): Promise<Stage> {
  const tools = builtinTools("lookup_order", "transfer_call", "end_call");
  stage = await startStage(script, { agents: onlyAgent(agent({ tools })), ...options });
  return stage;
}

/** A caller who is greeted and says something. */
async function asks(on: Stage): Promise<Leg> {
  const call = on.twilio.placeCall();
  await hears(call, GREETING.audio);
  await call.say(question);
  return call;
}

async function over(on: Stage, callSid: string): Promise<void> {
  await on.until(callSid, "ended");
  await on.twilio.settled();
  expect(on.twilio.violations()).toEqual([]);
}

function toolTurn(call: ScriptedCall, ...others: readonly ScriptedCall[]): Turn {
  return { say: BYE, calls: [call, ...others] };
}

const transferTo = (destination: string): ScriptedCall => ({
  name: "transfer_call",
  arguments: { destination, reason: "asked" },
});
const endCall: ScriptedCall = { name: "end_call", arguments: { reason: "done" } };

describe("REST that answers 200 and does nothing", () => {
  it.each([1, 100])(
    "(%i times) still puts the caller through, without a long silence",
    async (times) => {
      const on = await start({ turns: [{ say: GREETING }, toolTurn(transferTo("desk"))] });
      on.twilio.failRest({ operation: "calls.update", kind: "200_ignored", times });
      const call = await asks(on);
      await call.events.until("dial_bridged", {}, 15_000);
      await call.ended;
      await over(on, call.sid);
      expect(on.twilio.longestSilence(call).ms).toBeLessThanOrEqual(MOST_SILENCE_MS);
      expect(on.record(call.sid)).toMatchObject({
        outcome: "transferred",
        transfer: { outcome: "answered" },
      });
    },
  );

  it("ends a call that the agent has ended", async () => {
    const on = await start({ turns: [{ say: GREETING }, toolTurn(endCall)] });
    on.twilio.failRest({ operation: "calls.update", kind: "200_ignored", times: 100 });
    const call = await asks(on);
    await call.ended;
    await over(on, call.sid);
    expect(on.record(call.sid)).toMatchObject({ outcome: "completed", endReason: "done" });
  });
});

describe("after a transfer that has failed", () => {
  const busyOnce = (): ((to: string) => Party) => {
    let calls = 0;
    return () => (calls++ === 0 ? { outcome: "busy" } : { talkMs: 300 });
  };
  /** What the second session's agent does at the caller's words. */
  const back = (last: Turn): Script => ({
    turns: ({ sessionIndex, index }) => {
      if (sessionIndex === 0) return index === 0 ? { say: GREETING } : toolTurn(transferTo("desk"));
      const calls = [{ name: "lookup_order", arguments: { query: "4217" } }];
      return [{ say: BACK }, { calls }, { say: ANSWER }][index] ?? last;
    },
  });

  it.each<[string, ScriptedCall, object]>([
    ["transfer_call", transferTo("desk"), { outcome: "transferred" }],
    ["end_call", endCall, { outcome: "completed", endReason: "done" }],
  ])("tools and %s work, and the session's instructions stay", async (_, last, record) => {
    const on = await start(back({ say: BYE, calls: [last] }), { twilio: { callees: busyOnce() } });
    const call = await asks(on);
    await hears(call, BACK.audio);
    await call.say(question);
    await hears(call, ANSWER.audio);
    await call.say(question);
    await call.ended;
    await over(on, call.sid);
    expect(on.record(call.sid)).toMatchObject(record);
    expect(on.record(call.sid).tools).toContainEqual(
      expect.objectContaining({ name: "lookup_order", outcome: "ok" }),
    );
    expect(instructionsOfResponses(on.model.sessions[1]!)).toEqual([]);
    expect(on.model.violations()).toEqual([]);
  });
});

/** Instructions that took the place of the session's own in single responses. */
function instructionsOfResponses({ events }: ModelSession): string[] {
  return events
    .filter(({ type }) => type === "response.create")
    .map((event) => /"instructions":"(.*?)"/.exec(JSON.stringify(event))?.[1] ?? "")
    .filter((text) => text !== "");
}

describe("odd arguments", () => {
  const long = { reason: "r".repeat(600), summary: "s".repeat(5_000) };
  it.each<[string, ScriptedCall["arguments"], object]>([
    ["texts that are too long", { destination: "desk", ...long }, {}],
    ["null", { destination: "desk", reason: null, summary: null, urgency: null }, { reason: null }],
    ["a list", { destination: "desk", reason: ["late", "lost"] }, { reason: "late; lost" }],
    ["critical urgency", { destination: "desk", urgency: "critical" }, { urgency: "high" }],
    ["urgency in capitals", { destination: "desk", urgency: "HIGH" }, { urgency: "high" }],
    ["an unknown urgency", { destination: "desk", urgency: "now-ish" }, { urgency: null }],
    ["a further field", { destination: "desk", mood: "angry" }, {}],
    ["no reason", { destination: "desk" }, { reason: null }],
    ["JSON that is cut off", '{"destination":"desk","reason":"the order is', {}],
  ])("of transfer_call reach the person: %s", async (_, given, transfer) => {
    const call = { name: "transfer_call", arguments: given };
    const on = await start({ turns: [{ say: GREETING }, toolTurn(call)] });
    const caller = await asks(on);
    await caller.events.until("dial_bridged");
    await caller.ended;
    await over(on, caller.sid);
    expect(on.record(caller.sid).transfer).toMatchObject({
      destination: "desk",
      outcome: "answered",
      ...transfer,
    });
  });

  it.each<[string, ScriptedCall["arguments"]]>([
    ["a reason that is too long", { reason: "r".repeat(600) }],
    ["null", { reason: null }],
    ["null in place of an object", "null"],
    ["a list", { reason: ["done"] }],
    ["a further field", { reason: "done", mood: "happy" }],
    ["none", {}],
    ["an empty text", ""],
    ["JSON that is cut off", '{"reason":"do'],
  ])("of end_call end the call after the farewell: %s", async (_, given) => {
    const call = { name: "end_call", arguments: given };
    const on = await start({ turns: [{ say: GREETING }, toolTurn(call)] });
    const caller = await asks(on);
    await caller.ended;
    await hears(caller, BYE.audio);
    await over(on, caller.sid);
    expect(on.record(caller.sid)).toMatchObject({ outcome: "completed" });
    expect(on.model.sessions).toHaveLength(1);
  });
});

describe("end_call and transfer_call in one response", () => {
  it.each<[string, ScriptedCall, ScriptedCall]>([
    ["end_call first", endCall, transferTo("desk")],
    ["transfer_call first", transferTo("desk"), endCall],
  ])("transfer the caller: %s", async (_, first, second) => {
    const on = await start({ turns: [{ say: GREETING }, toolTurn(first, second)] });
    const call = await asks(on);
    await call.events.until("dial_bridged");
    await call.ended;
    await hears(call, BYE.audio);
    await over(on, call.sid);
    expect(on.record(call.sid)).toMatchObject({ outcome: "transferred" });
  });
});

describe("a farewell that is generated while earlier words play", () => {
  it("is heard to its end before the call ends", async () => {
    const lookUp = { name: "lookup_order", arguments: { query: "4217" } };
    const turns = [{ say: GREETING }, { say: LONG, calls: [lookUp] }, toolTurn(endCall)];
    const on = await start({ turns });
    const call = await asks(on);
    await call.ended;
    await over(on, call.sid);
    await hears(call, LONG.audio);
    await hears(call, BYE.audio);
  });
});
