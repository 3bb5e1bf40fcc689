import { describe } from "vitest";
import type { Party } from "../../sim/twilio/party.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { askForHuman, sipCallOver, startSipStage } from "../fakes/sip-stage.js";

async function asksForHuman(closes: Closes, options: Parameters<typeof startSipStage>[0] = {}) {
  const stage = closes(await startSipStage(options));
  return { stage, ...(await askForHuman(stage)) };
}

describe.concurrent("a call on the SIP path", () => {
  it("is answered by the model, greeted, helped by a tool, and recorded", async ({
    closes,
    expect,
  }) => {
    const stage = closes(await startSipStage());
    const caller = stage.place();
    const call = await stage.greeted();
    await stage.ask(caller);
    await stage.said(call, 3);
    caller.hangUp();
    await sipCallOver(stage, caller.sid);
    const record = stage.record(caller.sid);
    expect(record).toMatchObject({ path: "sip", outcome: "completed" });
    expect(record.tools).toMatchObject([{ name: "lookup_order", outcome: "ok" }]);
    expect(record.turns.map(({ who, text }) => [who, text])).toEqual([
      ["agent", "Hello."],
      ["caller", "Where is my order?"],
      ["agent", "It left yesterday."],
    ]);
    expect(stage.faults(caller)).toEqual([]);
  });

  it("brings the human in warm: briefed, asked, joined; then the model leaves", async ({
    closes,
    expect,
  }) => {
    const { stage, caller, call } = await asksForHuman(closes);
    const human = await stage.human();
    await human.events.until("conference_joined");
    await call.ended;
    expect(JSON.stringify(human.events.find("gather")?.detail)).toContain("4217");
    expect(stage.twilio.connections.now(human.sid).with).toHaveLength(1);
    expect(stage.twilio.connections.now(caller.sid)).toMatchObject({ live: true, sound: null });
    expect(stage.twilio.connections.now(caller.sid).with).toHaveLength(1);
    expect(human.from).toBe(caller.from);
    caller.hangUp();
    await sipCallOver(stage, caller.sid);
    expect(stage.record(caller.sid)).toMatchObject({
      path: "sip",
      outcome: "transferred",
      transfer: { destination: "warm", kind: "warm", outcome: "answered", reason: "asked" },
    });
    expect(stage.faults(caller)).toEqual([]);
  });

  it("brings the human in when the caller presses 0", async ({ closes, expect }) => {
    const stage = closes(await startSipStage());
    const caller = stage.place();
    await stage.greeted();
    await caller.press("0");
    const human = await stage.human();
    await human.events.until("conference_joined");
    caller.hangUp();
    await sipCallOver(stage, caller.sid);
    expect(stage.record(caller.sid).transfer).toMatchObject({ by: "key", outcome: "answered" });
    expect(stage.faults(caller)).toEqual([]);
  });

  it.for<[string, Party, string]>([
    ["is busy", { outcome: "busy" }, "busy"],
    ["declines", { keys: () => "2" }, "declined"],
    ["is a voicemail", { keys: () => null, answeredBy: "machine_start" }, "no_answer"],
    ["never answers", { outcome: "no-answer" }, "no_answer"],
    ["hangs up at once", { hangUpAfterMs: 0 }, "no_answer"],
  ])(
    "goes on with the model, who is told, when the human %s",
    async ([_name, party, outcome], { closes, expect }) => {
      const { stage, caller, call } = await asksForHuman(closes, {
        twilio: { callees: () => party },
      });
      expect(await stage.until(caller.sid, "transfer_outcome")).toMatchObject({ outcome });
      await expect
        .poll(() => JSON.stringify(call.session?.events), { timeout: 5_000 })
        .toContain("did not work");
      expect(call.state).toBe("live");
      expect(stage.twilio.connections.now(caller.sid).with).toHaveLength(1);
      caller.hangUp();
      await sipCallOver(stage, caller.sid);
      expect(stage.record(caller.sid)).toMatchObject({
        outcome: "completed",
        transfer: { outcome },
      });
      expect(stage.faults(caller)).toEqual([]);
    },
  );
});
