/** Transfers of callers, humans and models that do not do as one expects. */
import { describe } from "vitest";
import { it } from "../fakes/it-closing.js";
import { startStage } from "../fakes/stage.js";
import { accepts, BYE, GREETING, question, withTransfer } from "../fakes/transferring.js";
import { failoverAgent } from "../transfer/directory.js";

describe.concurrent("a caller whom Twilio shows no number of", () => {
  it.for(["sip:anna@pbx.example.com", "client:anna", "anonymous", "+266696687"])(
    "reaches a phone: %s",
    async (from, { closes, expect }) => {
      const made = await startStage({ turns: [{ say: GREETING }] });
      closes(made);
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

  it("is one of many, and each of them gets a human", async ({ closes, expect }) => {
    const made = await startStage({ turns: [{ say: GREETING }] });
    closes(made);
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

describe.concurrent("an extension behind a switchboard", () => {
  it.for(["desk", "warm"])(
    "is dialled once the number of %s has answered",
    async (name, { closes, expect }) => {
      const profile = withTransfer(failoverAgent(name));
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
      closes(made);
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
    },
  );
});

describe.concurrent("a model that fills in its tools as it likes", () => {
  it.for<[string, Record<string, unknown> | string]>([
    ["too long a reason", { destination: "desk", reason: "r".repeat(501) }],
    ["too long a summary", { destination: "desk", summary: "s".repeat(9_000) }],
    ["null and a list", { destination: "desk", reason: null, summary: ["a", "b"] }],
    ["an urgency of its own", { destination: "desk", urgency: "critical" }],
    ["capitals and an extra field", { destination: "DESK", urgency: "HIGH", phone: "+1900" }],
    ["no more than the destination", { destination: "desk" }],
  ])("still hands the caller over: %s", async ([_what, args], { closes, expect }) => {
    const profile = withTransfer(failoverAgent("desk"));
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
    closes(made);
    const call = made.twilio.placeCall();
    await call.events.until("first_media");
    await call.say(question);
    await made.until(call.sid, "transfer_outcome");
    expect(made.record(call.sid)).toMatchObject({
      transfer: { destination: "desk", by: "agent", outcome: "answered" },
      tools: [{ name: "transfer_call", outcome: "ok" }],
    });
  });

  it("may transfer again and again: its tools work after each failure", async ({
    closes,
    expect,
  }) => {
    const profile = withTransfer(failoverAgent("desk"));
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
    closes(made);
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
