import { afterEach, describe, expect, it } from "vitest";
import type { WebhookForgery } from "../../sim/sip/webhook.js";
import type { Party } from "../../sim/twilio/party.js";
import { HUMAN, type SipStage, startSipStage } from "../fakes/sip-stage.js";
import { startStage } from "../fakes/stage.js";

let stage: SipStage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

async function start(options: Parameters<typeof startSipStage>[0] = {}): Promise<SipStage> {
  stage = await startSipStage(options);
  return stage;
}

/** A caller who has been greeted, asks, is answered, and asks for a human. */
async function asksForHuman(options: Parameters<typeof startSipStage>[0] = {}) {
  const stage = await start(options);
  const caller = stage.place();
  const call = await stage.greeted();
  await stage.ask(caller);
  await stage.said(call, 3);
  await stage.ask(caller);
  return { stage, caller, call };
}

async function over(stage: SipStage, callSid: string): Promise<void> {
  await stage.until(callSid, "ended");
  await expect
    .poll(() => stage.twilio.legs.every((leg) => leg.over), { timeout: 10_000 })
    .toBe(true);
  await stage.twilio.settled();
}

describe("a call on the SIP path", () => {
  it("is answered by the model, greeted, helped by a tool, and recorded", async () => {
    const stage = await start();
    const caller = stage.place();
    const call = await stage.greeted();
    await stage.ask(caller);
    await stage.said(call, 3);
    caller.hangUp();
    await over(stage, caller.sid);
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

  it("brings the human in warm: briefed, asked, joined; then the model leaves", async () => {
    const { stage, caller, call } = await asksForHuman();
    const human = await stage.human();
    await human.events.until("conference_joined");
    await call.ended;
    expect(JSON.stringify(human.events.find("gather")?.detail)).toContain("4217");
    expect(stage.twilio.connections.now(human.sid).with).toHaveLength(1);
    expect(stage.twilio.connections.now(caller.sid)).toMatchObject({ live: true, sound: null });
    expect(stage.twilio.connections.now(caller.sid).with).toHaveLength(1);
    expect(human.from).toBe(caller.from);
    caller.hangUp();
    await over(stage, caller.sid);
    expect(stage.record(caller.sid)).toMatchObject({
      path: "sip",
      outcome: "transferred",
      transfer: { destination: "warm", kind: "warm", outcome: "answered", reason: "asked" },
    });
    expect(stage.faults(caller)).toEqual([]);
  });

  it("brings the human in when the caller presses 0", async () => {
    const stage = await start();
    const caller = stage.place();
    await stage.greeted();
    await caller.press("0");
    const human = await stage.human();
    await human.events.until("conference_joined");
    caller.hangUp();
    await over(stage, caller.sid);
    expect(stage.record(caller.sid).transfer).toMatchObject({ by: "key", outcome: "answered" });
    expect(stage.faults(caller)).toEqual([]);
  });

  it.each<[string, Party, string]>([
    ["is busy", { outcome: "busy" }, "busy"],
    ["declines", { keys: () => "2" }, "declined"],
    ["is a voicemail", { keys: () => null, answeredBy: "machine_start" }, "no_answer"],
    ["never answers", { outcome: "no-answer" }, "no_answer"],
    ["hangs up at once", { hangUpAfterMs: 0 }, "no_answer"],
  ])("goes on with the model, who is told, when the human %s", async (_name, party, outcome) => {
    const { stage, caller, call } = await asksForHuman({ twilio: { callees: () => party } });
    expect(await stage.until(caller.sid, "transfer_outcome")).toMatchObject({ outcome });
    await expect
      .poll(() => JSON.stringify(call.session?.events), { timeout: 5_000 })
      .toContain("did not work");
    expect(call.state).toBe("live");
    expect(stage.twilio.connections.now(caller.sid).with).toHaveLength(1);
    caller.hangUp();
    await over(stage, caller.sid);
    expect(stage.record(caller.sid)).toMatchObject({ outcome: "completed", transfer: { outcome } });
    expect(stage.faults(caller)).toEqual([]);
  });
});

describe("a ladder on the SIP path", () => {
  it("leads from the one who is busy to the next, and the model leaves on the way", async () => {
    const { stage, caller, call } = await asksForHuman({
      destinations: ["warm", "desk"],
      twilio: { callees: (to) => (to === HUMAN ? { outcome: "busy" } : {}) },
    });
    await caller.events.until("dial_bridged", { to: "+12025550111" });
    await call.ended;
    await stage.until(caller.sid, "transfer_outcome");
    caller.hangUp();
    await over(stage, caller.sid);
    expect(stage.record(caller.sid)).toMatchObject({
      outcome: "transferred",
      transfer: { destination: "warm", outcome: "answered" },
    });
    expect(stage.faults(caller)).toEqual([]);
  });

  it.each([
    ["desk", {}],
    ["queue", { queueAgents: () => ({ afterMs: 100, talkMs: 300 }) }],
  ] as const)("may begin outside of the conference: %s", async (destination, twilio) => {
    const { stage, caller, call } = await asksForHuman({ destinations: [destination], twilio });
    await caller.events.until("dial_bridged", {}, 10_000);
    await call.ended;
    // Of a queue Twilio tells when the talk is over.
    await stage.until(caller.sid, "transfer_outcome");
    caller.hangUp();
    await over(stage, caller.sid);
    expect(stage.record(caller.sid)).toMatchObject({
      outcome: "transferred",
      transfer: { destination, outcome: "answered" },
    });
    expect(stage.faults(caller)).toEqual([]);
  });

  it("brings the caller back to a model when it ends with nobody", async () => {
    const { stage, caller } = await asksForHuman({
      destinations: ["desk"],
      twilio: { callees: () => ({ outcome: "busy" }) },
    });
    const again = await stage.greeted(1);
    expect(again.session?.conversation.all().length).toBeGreaterThan(0);
    caller.hangUp();
    await over(stage, caller.sid);
    expect(stage.record(caller.sid).transfer).toMatchObject({
      destination: "desk",
      outcome: "busy",
    });
    expect(stage.faults(caller)).toEqual([]);
  });
});

describe("a webhook that is not the model's", () => {
  it.each<WebhookForgery>([
    "unsigned",
    "wrong_secret",
    "wrong_body",
    "wrong_id",
    "wrong_time",
    "garbage",
  ])("is answered 400, and nothing is accepted: %s", async (forgery) => {
    const stage = await start({ model: { sip: { retriesMs: [] } } });
    stage.model.sip.deliverTo("http://127.0.0.1:9/");
    stage.place();
    const call = await stage.model.sip.call(0);
    const url = `http://127.0.0.1:${stage.publicPort}/openai/webhook`;
    expect((await stage.model.sip.announce(call, { url, forgery })).status).toBe(400);
    expect(stage.model.sip.requests).toEqual([]);
  });

  it.each([-302, 302])("is answered 400 when its time is %i s away", async (seconds) => {
    const stage = await start({ model: { sip: { retriesMs: [] } } });
    stage.model.sip.deliverTo("http://127.0.0.1:9/");
    stage.place();
    const call = await stage.model.sip.call(0);
    const url = `http://127.0.0.1:${stage.publicPort}/openai/webhook`;
    const timestampS = Math.floor(Date.now() / 1000) + seconds;
    expect((await stage.model.sip.announce(call, { url, timestampS })).status).toBe(400);
    expect(stage.model.sip.requests).toEqual([]);
  });

  it("is one accept however often it comes", async () => {
    const stage = await start({ model: { sip: { copies: 5 } } });
    const caller = stage.place();
    const call = await stage.greeted();
    await stage.model.sip.announce(call);
    expect(stage.model.sip.requests.filter(({ operation }) => operation === "accept")).toHaveLength(
      1,
    );
    caller.hangUp();
    await over(stage, caller.sid);
    expect(stage.faults(caller)).toEqual([]);
  });
});

describe("the model's webhook", () => {
  it("may come to the root of the site, and beside one for another kind of session", async () => {
    const stage = await start({ model: { sip: { announceLive: true } } });
    stage.model.sip.deliverTo(`http://127.0.0.1:${stage.publicPort}/`);
    const caller = stage.place();
    const call = await stage.greeted();
    await stage.model.sip.settled();
    expect(stage.model.sip.deliveries.map(({ status }) => status)).toEqual([200, 200]);
    caller.hangUp();
    await over(stage, caller.sid);
    expect(call.ending).not.toBeNull();
    expect(stage.faults(caller)).toEqual([]);
  });

  it("does nothing any more when the call is over", async () => {
    const stage = await start();
    const caller = stage.place();
    const call = await stage.greeted();
    caller.hangUp();
    await over(stage, caller.sid);
    await expect.poll(() => call.state, { timeout: 5_000 }).toBe("over");
    expect((await stage.model.sip.announce(call, { id: "wh_late" })).status).toBe(200);
    const next = stage.place();
    await stage.greeted(1);
    const accepted = stage.model.sip.requests.filter(({ operation }) => operation === "accept");
    expect(accepted.map(({ callId }) => callId)).toEqual(stage.model.sip.calls.map(({ id }) => id));
    next.hangUp();
    await over(stage, next.sid);
    expect(stage.faults(next)).toEqual([]);
  });

  it("and the number's are unknown paths while the SIP path is not set up", async () => {
    const plain = await startStage({ turns: [] });
    try {
      const url = `http://127.0.0.1:${plain.publicPort}`;
      for (const path of ["/openai/webhook", "/"])
        expect((await fetch(url + path, { method: "POST", body: "{}" })).status).toBe(404);
      expect((await plain.twilio.post("/sip/incoming-call", { CallSid: "x" })).status).toBe(404);
    } finally {
      await plain.close();
    }
  });
});

describe("a caller of the SIP path for whom there is no room", () => {
  it("is taken to a human, and the model never rings", async () => {
    const stage = await start({ env: { MAX_CALLS: "1" } });
    const first = stage.place();
    await stage.greeted();
    const second = stage.place({ from: "+15550100002" });
    await second.events.until("conference_joined", {}, 10_000);
    await expect
      .poll(() => stage.twilio.connections.now(second.sid).with.length, { timeout: 10_000 })
      .toBe(1);
    expect(stage.model.sip.calls).toHaveLength(1);
    second.hangUp();
    first.hangUp();
    await over(stage, first.sid);
    expect([...stage.faults(first), ...stage.faults(second)]).toEqual([]);
  });

  it("is refused as busy when they come straight from a trunk", async () => {
    const stage = await start({ env: { MAX_CALLS: "1" } });
    stage.place();
    await stage.greeted();
    const trunk = stage.trunk.placeCall();
    expect((await trunk.events.until("ended")).detail).toEqual({ by: "refused 486" });
  });
});
