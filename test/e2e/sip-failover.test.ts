import { describe } from "vitest";
import { type Closes, it } from "../fakes/it-closing.js";
import { askForHuman, HUMAN, sipCallOver, startSipStage } from "../fakes/sip-stage.js";

async function asksForHuman(closes: Closes, options: Parameters<typeof startSipStage>[0]) {
  const stage = closes(await startSipStage(options));
  return { stage, ...(await askForHuman(stage)) };
}

describe.concurrent("a failover list on the SIP path", () => {
  it("leads from the one who is busy to the next, and the model leaves on the way", async ({
    closes,
    expect,
  }) => {
    const { stage, caller, call } = await asksForHuman(closes, {
      destinations: ["warm", "desk"],
      twilio: { callees: (to) => (to === HUMAN ? { outcome: "busy" } : {}) },
    });
    await caller.events.until("dial_bridged", { to: "+12025550111" });
    await call.ended;
    await stage.until(caller.sid, "transfer_outcome");
    caller.hangUp();
    await sipCallOver(stage, caller.sid);
    expect(stage.record(caller.sid)).toMatchObject({
      outcome: "transferred",
      transfer: { destination: "warm", outcome: "answered" },
    });
    expect(stage.faults(caller)).toEqual([]);
  });

  it.for([
    ["desk", {}],
    ["queue", { queueAgents: () => ({ afterMs: 100, talkMs: 300 }) }],
  ] as const)(
    "may begin outside of the conference: %s",
    async ([destination, twilio], { closes, expect }) => {
      const { stage, caller, call } = await asksForHuman(closes, {
        destinations: [destination],
        twilio,
      });
      await caller.events.until("dial_bridged", {}, 10_000);
      await call.ended;
      // Of a queue Twilio tells when the talk is over.
      await stage.until(caller.sid, "transfer_outcome");
      caller.hangUp();
      await sipCallOver(stage, caller.sid);
      expect(stage.record(caller.sid)).toMatchObject({
        outcome: "transferred",
        transfer: { destination, outcome: "answered" },
      });
      expect(stage.faults(caller)).toEqual([]);
    },
  );

  it("brings the caller back to a model when no human is reached", async ({ closes, expect }) => {
    const { stage, caller } = await asksForHuman(closes, {
      destinations: ["desk"],
      twilio: { callees: () => ({ outcome: "busy" }) },
    });
    const again = await stage.greeted(1);
    expect(again.session?.conversation.all().length).toBeGreaterThan(0);
    caller.hangUp();
    await sipCallOver(stage, caller.sid);
    expect(stage.record(caller.sid).transfer).toMatchObject({
      destination: "desk",
      outcome: "busy",
    });
    expect(stage.faults(caller)).toEqual([]);
  });
});
