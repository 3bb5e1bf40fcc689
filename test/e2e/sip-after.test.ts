import { afterEach, describe, expect, it } from "vitest";
import { type SipStage, sipAgent, startSipStage } from "../fakes/sip-stage.js";

let stage: SipStage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

describe("what follows a call on the SIP path", () => {
  it("is nothing more, once caller and human have talked and the human hangs up", async () => {
    stage = await startSipStage();
    const caller = stage.place();
    await stage.greeted();
    await caller.press("0");
    const human = await stage.human();
    await human.events.until("conference_joined");
    await stage.until(caller.sid, "ended");
    human.hangUp();
    await expect.poll(() => caller.over, { timeout: 5_000 }).toBe(true);
    expect(stage.humans()).toHaveLength(1);
    expect(caller.events.entries.filter(({ kind }) => kind === "say")).toEqual([]);
    await stage.twilio.settled();
    expect(stage.faults(caller)).toEqual([]);
  });

  it.each([0, 2])(
    "is the fallback, when the relay stops and REST fails %i times",
    async (times) => {
      stage = await startSipStage();
      const caller = stage.place();
      const call = await stage.greeted();
      if (times > 0) stage.twilio.failRest({ operation: "calls.update", kind: "500", times });
      await stage.app.stop();
      await call.ended;
      await caller.events.until("say", { text: "Sorry." });
      expect(caller.over).toBe(false);
      expect(stage.record(caller.sid)).toMatchObject({
        path: "sip",
        outcome: "failed",
        endReason: "drained",
      });
      expect(stage.twilio.connections.longestAloneMs(caller.sid)).toBeLessThan(2_000);
      caller.hangUp();
    },
  );
});

describe("the number that a human sees", () => {
  it("is the agent's own where it has one, though the caller's could be shown", async () => {
    const base = sipAgent("warm");
    const agent = { ...base, transfer: { ...base.transfer, callerId: "+15550007777" } };
    stage = await startSipStage({
      agents: {
        agents: new Map([[agent.name, agent]]),
        numbers: new Map(),
        defaultAgent: agent.name,
      },
      twilio: { verifiedNumbers: ["+15550007777"] },
    });
    const caller = stage.place();
    await stage.greeted();
    await caller.press("0");
    const human = await stage.human();
    await human.events.until("conference_joined");
    expect(human.from).toBe("+15550007777");
    caller.hangUp();
    await stage.until(caller.sid, "ended");
  });

  it.each(["anonymous", "sip:ann@example.com"])(
    "is ours for a caller without one: %s",
    async (from) => {
      stage = await startSipStage();
      const caller = stage.place({ from });
      await stage.greeted();
      await caller.press("0");
      const human = await stage.human();
      await human.events.until("conference_joined");
      expect(human.from).toBe(caller.to);
      caller.hangUp();
      await stage.until(caller.sid, "ended");
      expect(stage.model.violations()).toEqual([]);
    },
  );
});
