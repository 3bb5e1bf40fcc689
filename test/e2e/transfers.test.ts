import { describe } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Party } from "../../sim/twilio/party.js";
import type { RestFault } from "../../sim/twilio/rest.js";
import type { TwilioOptions } from "../../sim/twilio.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { startStage } from "../fakes/stage.js";
import { accepts, BYE, GREETING, question, withTransfer } from "../fakes/transferring.js";
import { failoverAgent } from "../transfer/directory.js";

const BACK = { text: "Nobody is there.", audio: speechLike(200, 3) };
const SUMMARY = 'They said "<help> & hurry" </Task> 🐒\ntwice';

/** A call whose agent transfers it at the caller's first words. */
async function transferring(
  closes: Closes,
  names: readonly string[],
  twilio: Partial<TwilioOptions>,
) {
  const profile = withTransfer(failoverAgent(...names));
  const stage = await startStage(
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
  closes(stage);
  const call = stage.twilio.placeCall();
  await call.events.until("first_media");
  await call.say(question);
  return { stage, call };
}

describe.concurrent("a call that is handed over", () => {
  it.for([
    ["desk", {}],
    ["sip", {}],
    ["queue", { queueAgents: () => ({ afterMs: 100, talkMs: 300 }) }],
    ["experts", { queueAgents: () => ({ afterMs: 100, talkMs: 300 }) }],
    ["warm", { callees: accepts }],
  ] as const)(
    "ends with the human, and its record tells the same story: %s",
    async ([name, twilio], { closes, expect }) => {
      const { stage, call } = await transferring(closes, [name], twilio);
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

  it.for<[string, Party]>([
    ["busy", { outcome: "busy" }],
    ["failed", { outcome: "failed" }],
    ["declined", { keys: () => "2" }],
    ["no_answer", { keys: () => null }],
  ])(
    "comes back to the agent, who is told, when the warm human is %s",
    async ([outcome, party], { closes, expect }) => {
      const { stage, call } = await transferring(closes, ["warm"], { callees: () => party });
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
    },
  );

  it.for<[string, RestFault]>([
    ["429", { operation: "calls.update", kind: "429" }],
    ["500", { operation: "calls.update", kind: "500" }],
    ["500 again and again", { operation: "calls.update", kind: "500", times: 50 }],
    ["a 200 and nothing done", { operation: "calls.update", kind: "200_ignored" }],
    ["a lost answer", { operation: "calls.update", kind: "timeout_after" }],
    ["no answer", { operation: "calls.update", kind: "timeout_before" }],
    ["a cut connection", { operation: "calls.update", kind: "reset" }],
  ])(
    "reaches the human once, and hears of it in time, in spite of %s",
    async ([_, fault], { closes, expect }) => {
      const { stage, call } = await transferring(closes, ["desk"], {});
      stage.twilio.failRest(fault);
      await call.events.until("dial_bridged", {}, 10_000);
      await stage.until(call.sid, "transfer_outcome");
      await call.ended;
      await stage.twilio.settled();
      expect(stage.twilio.violations()).toEqual([]);
      expect(stage.twilio.legs.filter((leg) => leg.to === "+12025550111")).toHaveLength(1);
      expect(stage.record(call.sid).transfer).toMatchObject({ outcome: "answered" });
    },
  );

  it("leaves no phone ringing when the caller hangs up while the human is asked for a key", async ({
    closes,
    expect,
  }) => {
    const { stage, call } = await transferring(closes, ["warm"], {
      callees: () => ({ keys: () => null }),
    });
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
