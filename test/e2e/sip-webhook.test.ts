import { describe } from "vitest";
import type { WebhookForgery } from "../../sim/sip/webhook.js";
import { it } from "../fakes/it-closing.js";
import { sipCallOver, startSipStage } from "../fakes/sip-stage.js";
import { startStage } from "../fakes/stage.js";

describe.concurrent("a webhook that is not the model's", () => {
  it.for<WebhookForgery>([
    "unsigned",
    "wrong_secret",
    "wrong_body",
    "wrong_id",
    "wrong_time",
    "garbage",
  ])("is answered 400, and nothing is accepted: %s", async (forgery, { closes, expect }) => {
    const stage = closes(await startSipStage({ model: { sip: { retriesMs: [] } } }));
    stage.model.sip.deliverTo("http://127.0.0.1:9/");
    stage.place();
    const call = await stage.model.sip.call(0);
    const url = `http://127.0.0.1:${stage.publicPort}/openai/webhook`;
    expect((await stage.model.sip.announce(call, { url, forgery })).status).toBe(400);
    expect(stage.model.sip.requests).toEqual([]);
  });

  it.for([-302, 302])(
    "is answered 400 when its time is %i s away",
    async (seconds, { closes, expect }) => {
      const stage = closes(await startSipStage({ model: { sip: { retriesMs: [] } } }));
      stage.model.sip.deliverTo("http://127.0.0.1:9/");
      stage.place();
      const call = await stage.model.sip.call(0);
      const url = `http://127.0.0.1:${stage.publicPort}/openai/webhook`;
      const timestampS = Math.floor(Date.now() / 1000) + seconds;
      expect((await stage.model.sip.announce(call, { url, timestampS })).status).toBe(400);
      expect(stage.model.sip.requests).toEqual([]);
    },
  );

  it("is one accept however often it comes", async ({ closes, expect }) => {
    const stage = closes(await startSipStage({ model: { sip: { copies: 5 } } }));
    const caller = stage.place();
    const call = await stage.greeted();
    await stage.model.sip.announce(call);
    expect(stage.model.sip.requests.filter(({ operation }) => operation === "accept")).toHaveLength(
      1,
    );
    caller.hangUp();
    await sipCallOver(stage, caller.sid);
    expect(stage.faults(caller)).toEqual([]);
  });
});

describe.concurrent("the model's webhook", () => {
  it("may come to the root of the site, and beside one for another kind of session", async ({
    closes,
    expect,
  }) => {
    const stage = closes(await startSipStage({ model: { sip: { announceLive: true } } }));
    stage.model.sip.deliverTo(`http://127.0.0.1:${stage.publicPort}/`);
    const caller = stage.place();
    const call = await stage.greeted();
    await stage.model.sip.settled();
    expect(stage.model.sip.deliveries.map(({ status }) => status)).toEqual([200, 200]);
    caller.hangUp();
    await sipCallOver(stage, caller.sid);
    expect(call.ending).not.toBeNull();
    expect(stage.faults(caller)).toEqual([]);
  });

  it("does nothing any more when the call is over", async ({ closes, expect }) => {
    const stage = closes(await startSipStage());
    const caller = stage.place();
    const call = await stage.greeted();
    caller.hangUp();
    await sipCallOver(stage, caller.sid);
    await expect.poll(() => call.state, { timeout: 5_000 }).toBe("over");
    expect((await stage.model.sip.announce(call, { id: "wh_late" })).status).toBe(200);
    const next = stage.place();
    await stage.greeted(1);
    const accepted = stage.model.sip.requests.filter(({ operation }) => operation === "accept");
    expect(accepted.map(({ callId }) => callId)).toEqual(stage.model.sip.calls.map(({ id }) => id));
    next.hangUp();
    await sipCallOver(stage, next.sid);
    expect(stage.faults(next)).toEqual([]);
  });

  it("and the number's are unknown paths while the SIP path is not set up", async ({
    closes,
    expect,
  }) => {
    const plain = closes(await startStage({ turns: [] }));
    const url = `http://127.0.0.1:${plain.publicPort}`;
    for (const path of ["/openai/webhook", "/"])
      expect((await fetch(url + path, { method: "POST", body: "{}" })).status).toBe(404);
    expect((await plain.twilio.post("/sip/incoming-call", { CallSid: "x" })).status).toBe(404);
  });
});

describe.concurrent("a caller of the SIP path for whom there is no room", () => {
  it("is taken to a human, and the model never rings", async ({ closes, expect }) => {
    const stage = closes(await startSipStage({ env: { MAX_CALLS: "1" } }));
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
    await sipCallOver(stage, first.sid);
    expect([...stage.faults(first), ...stage.faults(second)]).toEqual([]);
  });

  it("is refused as busy when they come straight from a trunk", async ({ closes, expect }) => {
    const stage = closes(await startSipStage({ env: { MAX_CALLS: "1" } }));
    stage.place();
    await stage.greeted();
    const trunk = stage.trunk.placeCall();
    expect((await trunk.events.until("ended")).detail).toEqual({ by: "refused 486" });
  });
});
