import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Party } from "../../sim/twilio/party.js";
import type { RestFault } from "../../sim/twilio/rest.js";
import type { TwilioOptions } from "../../sim/twilio.js";
import type { AgentProfile } from "../../src/domain/agent-profile.js";
import { type Stage, startStage } from "../fakes/stage.js";
import { failoverAgent } from "../transfer/directory.js";

const GREETING = { text: "Hello.", audio: speechLike(200, 1) };
const BYE = { text: "I connect you.", audio: speechLike(200, 2) };
const BACK = { text: "Nobody is there.", audio: speechLike(200, 3) };
const question = speechLike(700, 4);
const SUMMARY = 'They said "<help> & hurry" </Task> 🐒\ntwice';

let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

function withTools(profile: AgentProfile): AgentProfile {
  const tool = {
    name: "transfer_call",
    description: "",
    parameters: {},
    source: { kind: "builtin" as const },
    timeoutMs: 3_000,
    sayWhileWaiting: null,
  };
  return { ...profile, tools: [tool] };
}

/** A call whose agent transfers it at the caller's first words. */
async function transferring(names: readonly string[], twilio: Partial<TwilioOptions>) {
  const profile = withTools(failoverAgent(...names));
  const made = await startStage(
    {
      turns: ({ sessionIndex, index }) => {
        if (sessionIndex > 0) return { say: BACK };
        if (index === 0) return { say: GREETING };
        const asked = { destination: names[0], reason: "asked", summary: SUMMARY, urgency: "high" };
        return { say: BYE, calls: [{ name: "transfer_call", arguments: asked }] };
      },
    },
    {
      agents: {
        agents: new Map([[profile.name, profile]]),
        numbers: new Map(),
        defaultAgent: profile.name,
      },
      twilio: { faults: { duplicateCallbacks: true, reorderCallbacks: true }, ...twilio },
    },
  );
  stage = made;
  const call = made.twilio.placeCall();
  await call.events.until("first_media");
  await call.say(question);
  return { stage: made, call };
}

const accepts = (): Party => ({ keys: () => "1", talkMs: 300 });

describe("a call that is handed over", () => {
  it.each([
    ["desk", {}],
    ["sip", {}],
    ["queue", { queueAgents: () => ({ afterMs: 100, talkMs: 300 }) }],
    ["experts", { queueAgents: () => ({ afterMs: 100, talkMs: 300 }) }],
    ["warm", { callees: accepts }],
  ] as const)(
    "ends with the human, and its record tells the same story: %s",
    async (name, twilio) => {
      const { stage, call } = await transferring([name], twilio);
      await stage.until(call.sid, "transfer_outcome");
      await stage.until(call.sid, "ended");
      // In a conference, people stay until somebody goes.
      if (name === "warm") call.hangUp();
      await call.ended;
      await stage.twilio.settled();
      expect(stage.twilio.violations()).toEqual([]);
      expect(stage.record(call.sid)).toMatchObject({
        outcome: "transferred",
        transfer: { destination: name, outcome: "answered", reason: "asked", summary: SUMMARY },
      });
      const updates = stage.twilio.requests.filter(({ operation }) => operation === "calls.update");
      expect(updates).toHaveLength(1);
      if (name === "experts") {
        expect(stage.twilio.tasks).toHaveLength(1);
        expect(stage.twilio.tasks[0]).toMatchObject({
          priority: 10,
          attributes: {
            reason: "asked",
            summary: SUMMARY,
            urgency: "high",
            agent: "support",
            callSid: call.sid,
          },
        });
      }
      if (name === "warm") {
        const human = stage.twilio.legs.find((leg) => leg.to === "+12025550122");
        const prompt = human?.events.find("gather")?.detail;
        expect(JSON.stringify(prompt)).toContain("They said");
      }
    },
  );

  it.each<[string, Party]>([
    ["busy", { outcome: "busy" }],
    ["failed", { outcome: "failed" }],
    ["declined", { keys: () => "2" }],
    ["no_answer", { keys: () => null }],
  ])("comes back to the agent, who is told, when the warm human is %s", async (outcome, party) => {
    const { stage, call } = await transferring(["warm"], { callees: () => party });
    await stage.until(call.sid, "transfer_outcome");
    const second = await stage.model.session(1);
    await expect
      .poll(() => JSON.stringify(second.events), { timeout: 5_000 })
      .toContain("did not work");
    call.hangUp();
    await call.ended;
    await stage.until(call.sid, "ended");
    expect(stage.twilio.violations()).toEqual([]);
    expect(stage.record(call.sid)).toMatchObject({ outcome: "completed", transfer: { outcome } });
  });

  it.each<[string, RestFault]>([
    ["429", { operation: "calls.update", kind: "429" }],
    ["500", { operation: "calls.update", kind: "500" }],
    ["500 again and again", { operation: "calls.update", kind: "500", times: 50 }],
    ["a 200 and nothing done", { operation: "calls.update", kind: "200_ignored" }],
    ["a lost answer", { operation: "calls.update", kind: "timeout_after" }],
    ["no answer", { operation: "calls.update", kind: "timeout_before" }],
    ["a cut connection", { operation: "calls.update", kind: "reset" }],
  ])("reaches the human once, and hears of it in time, in spite of %s", async (_, fault) => {
    const { stage, call } = await transferring(["desk"], {});
    stage.twilio.failRest(fault);
    await call.events.until("dial_bridged", {}, 10_000);
    await stage.until(call.sid, "transfer_outcome");
    await call.ended;
    await stage.twilio.settled();
    expect(stage.twilio.violations()).toEqual([]);
    expect(stage.twilio.legs.filter((leg) => leg.to === "+12025550111")).toHaveLength(1);
    expect(stage.record(call.sid).transfer).toMatchObject({ outcome: "answered" });
  });

  it("leaves no phone ringing when the caller hangs up while the human is asked for a key", async () => {
    const { stage, call } = await transferring(["warm"], { callees: () => ({ keys: () => null }) });
    await expect
      .poll(() => stage.twilio.legs.some((leg) => leg.events.find("gather") !== undefined), {
        timeout: 5_000,
      })
      .toBe(true);
    call.hangUp();
    await stage.until(call.sid, "ended");
    await Promise.all(stage.twilio.legs.map((leg) => leg.ended));
    expect(stage.record(call.sid)).toMatchObject({
      outcome: "abandoned",
      transfer: { outcome: "caller_gone" },
    });
    expect(stage.twilio.violations()).toEqual([]);
  });
});

describe("a caller whom Twilio shows no number of", () => {
  it.each(["sip:anna@pbx.example.com", "client:anna", "anonymous", "+266696687"])(
    "reaches a phone: %s",
    async (from) => {
      const made = await startStage({ turns: [{ say: GREETING }] });
      stage = made;
      const call = made.twilio.placeCall({ from });
      await call.events.until("first_media");
      await call.press("0");
      await made.until(call.sid, "transfer_outcome");
      await call.ended;
      await made.twilio.settled();
      expect(made.twilio.violations()).toEqual([]);
      expect(made.record(call.sid).transfer).toMatchObject({ by: "key", outcome: "answered" });
    },
  );

  it("is one of many, and each of them gets a human", async () => {
    const made = await startStage({ turns: [{ say: GREETING }] });
    stage = made;
    const outcomes = await Promise.all(
      Array.from({ length: 22 }, async () => {
        const call = made.twilio.placeCall({ from: "anonymous" });
        await call.events.until("first_media");
        await call.press("0");
        await made.until(call.sid, "transfer_outcome");
        await call.ended;
        return made.record(call.sid).transfer?.outcome;
      }),
    );
    expect(outcomes).toEqual(Array(22).fill("answered"));
  }, 60_000);
});

describe("an extension behind a switchboard", () => {
  it.each(["desk", "warm"])("is dialled once the number of %s has answered", async (name) => {
    const profile = withTools(failoverAgent(name));
    const plain = profile.transfer.destinations.get(name)!;
    const destinations = new Map([[name, { ...plain, sendDigits: "ww204#" }]]);
    const made = await startStage(
      { turns: [{ say: GREETING }] },
      {
        agents: {
          agents: new Map([
            [profile.name, { ...profile, transfer: { ...profile.transfer, destinations } }],
          ]),
          numbers: new Map(),
          defaultAgent: profile.name,
        },
        twilio: { callees: accepts },
      },
    );
    stage = made;
    const call = made.twilio.placeCall();
    await call.events.until("first_media");
    await call.press("0");
    await made.until(call.sid, "transfer_outcome");
    // The pauses are no keys.
    await expect
      .poll(() => made.twilio.legs.map((leg) => leg.digitsHeard), { timeout: 5_000 })
      .toContain("204#");
    expect(made.record(call.sid).transfer?.outcome).toBe("answered");
    call.hangUp();
    await call.ended;
    expect(made.twilio.violations()).toEqual([]);
  });
});

describe("a model that fills in its tools as it likes", () => {
  it.each<[string, Record<string, unknown> | string]>([
    ["too long a reason", { destination: "desk", reason: "r".repeat(501) }],
    ["too long a summary", { destination: "desk", summary: "s".repeat(9_000) }],
    ["null and a list", { destination: "desk", reason: null, summary: ["a", "b"] }],
    ["an urgency of its own", { destination: "desk", urgency: "critical" }],
    ["capitals and an extra field", { destination: "DESK", urgency: "HIGH", phone: "+1900" }],
    ["no more than the destination", { destination: "desk" }],
  ])("still hands the caller over: %s", async (_what, args) => {
    const profile = withTools(failoverAgent("desk"));
    const made = await startStage(
      {
        turns: ({ index }) =>
          index === 0
            ? { say: GREETING }
            : { say: BYE, calls: [{ name: "transfer_call", arguments: args }] },
      },
      {
        agents: {
          agents: new Map([[profile.name, profile]]),
          numbers: new Map(),
          defaultAgent: profile.name,
        },
      },
    );
    stage = made;
    const call = made.twilio.placeCall();
    await call.events.until("first_media");
    await call.say(question);
    await made.until(call.sid, "transfer_outcome");
    expect(made.record(call.sid)).toMatchObject({
      transfer: { destination: "desk", by: "agent", outcome: "answered" },
      tools: [{ name: "transfer_call", outcome: "ok" }],
    });
  });

  it("may transfer again and again: its tools work after each failure", async () => {
    const profile = withTools(failoverAgent("desk"));
    const made = await startStage(
      {
        turns: ({ index }) =>
          index === 0
            ? { say: GREETING }
            : { say: BYE, calls: [{ name: "transfer_call", arguments: { destination: "desk" } }] },
      },
      {
        agents: {
          agents: new Map([[profile.name, profile]]),
          numbers: new Map(),
          defaultAgent: profile.name,
        },
        twilio: { callees: () => ({ outcome: "busy" }) },
      },
    );
    stage = made;
    const call = made.twilio.placeCall();
    await call.events.until("first_media");
    const dialled = () => made.twilio.legs.filter((leg) => leg.to === "+12025550111").length;
    for (let n = 1; n <= 3; n++) {
      await call.say(question);
      await expect.poll(dialled, { timeout: 10_000 }).toBe(n);
      // The agent is back, and says so.
      const session = await made.model.session(n);
      await expect
        .poll(() => JSON.stringify(session.events), { timeout: 10_000 })
        .toContain("response.create");
    }
    call.hangUp();
    await call.ended;
    expect(made.twilio.violations()).toEqual([]);
  }, 60_000);
});
