import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type PublicSide, post, send, startPublic } from "./harness.js";

const SECRET = `whsec_${randomBytes(24).toString("base64")}`;
const OTHER = `whsec_${randomBytes(24).toString("base64")}`;
const CALL = { CallSid: `CA${"1".repeat(32)}`, From: "+15551112222", To: "+15550001111" };

const event = (callId: string) =>
  JSON.stringify({
    object: "event",
    id: "evt_1",
    type: "realtime.call.incoming",
    created_at: 1_790_000_000,
    data: {
      call_id: callId,
      sip_headers: [
        { name: "From", value: "<sip:+15550100009@trunk.example>" },
        { name: "Diversion", value: "<sip:+15550001111@twilio.com>;reason=unconditional" },
      ],
    },
  });

interface Delivery {
  readonly body?: string;
  readonly id?: string;
  readonly secret?: string;
  readonly ageS?: number;
  readonly path?: string;
}

let side: PublicSide;
beforeEach(async () => {
  side = await startPublic({ webhookSecret: SECRET });
});
afterEach(() => side.server.close());

function headersOf({ body = event("rtc_1"), id = "wh_1", secret = SECRET, ageS = 0 }: Delivery) {
  const timestamp = Math.floor(Date.now() / 1000) - ageS;
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": new Webhook(secret).sign(id, new Date(timestamp * 1000), body),
  };
}

async function deliver(delivery: Delivery = {}): Promise<number> {
  const { body = event("rtc_1"), path = "/openai/webhook" } = delivery;
  return (await send(side.port, "POST", path, headersOf(delivery), body)).status;
}

describe("OpenAI's webhook", () => {
  it.each(["/openai/webhook", "/"])("hands a call that rings on: %s", async (path) => {
    expect(await deliver({ path })).toBe(200);
    expect(side.calls.invites).toEqual([
      { callId: "rtc_1", claim: null, from: "+15550100009", dialled: "+15550001111" },
    ]);
    expect(side.metrics.failures).toEqual([]);
  });

  it.each<[string, Delivery]>([
    ["signed with another secret", { secret: OTHER }],
    ["five minutes old", { ageS: 302 }],
    ["from the future", { ageS: -302 }],
  ])("refuses what is %s", async (_name, delivery) => {
    expect(await deliver(delivery)).toBe(400);
    expect(side.calls.invites).toEqual([]);
    expect(side.metrics.failures).toEqual(["openai/invalid"]);
  });

  it("signs the raw bytes, id and time: none of them may be another's", async () => {
    const headers = headersOf({});
    const changed: [Record<string, string>, string][] = [
      [headers, `${event("rtc_1")} `],
      [{ ...headers, "webhook-id": "wh_2" }, event("rtc_1")],
      [
        { ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) + 1) },
        event("rtc_1"),
      ],
      [{ ...headers, "webhook-signature": "" }, event("rtc_1")],
      [{ "content-type": "application/json" }, event("rtc_1")],
    ];
    for (const [sent, body] of changed)
      expect((await send(side.port, "POST", "/openai/webhook", sent, body)).status).toBe(400);
    expect(side.calls.invites).toEqual([]);
    expect(side.metrics.failures.slice(-2)).toEqual(["openai/missing", "openai/missing"]);
  });

  it("takes any one good signature of several: secrets are rotated", async () => {
    const body = event("rtc_1");
    const headers = headersOf({ body });
    const strange = headersOf({ body, secret: OTHER })["webhook-signature"];
    const both = {
      ...headers,
      "webhook-signature": `${strange} v1a,AAAA ${headers["webhook-signature"]}`,
    };
    expect((await send(side.port, "POST", "/openai/webhook", both, body)).status).toBe(200);
    expect(side.calls.invites).toHaveLength(1);
  });

  it("answers the same delivery again with 200, and does nothing", async () => {
    const headers = headersOf({});
    const again = () => send(side.port, "POST", "/openai/webhook", headers, event("rtc_1"));
    const statuses = (await Promise.all([again(), again(), again()])).map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200]);
    expect((await again()).status).toBe(200);
    expect(side.calls.invites).toHaveLength(1);
    expect(side.metrics.failures).toEqual([]);
  });

  it("accepts that a delivery is repeated, signed anew, and does nothing again", async () => {
    expect(await deliver()).toBe(200);
    expect(await deliver({ ageS: 2 })).toBe(200);
    expect(side.calls.invites).toHaveLength(1);
  });

  it("leaves alone what it has no use for, and refuses what it cannot read", async () => {
    const strange = JSON.stringify({
      id: "evt_2",
      type: "live.call.incoming",
      data: { session_id: "live_1" },
    });
    expect(await deliver({ id: "wh_2", body: strange })).toBe(200);
    expect(await deliver({ id: "wh_3", body: "{}" })).toBe(400);
    expect(await deliver({ id: "wh_4", body: "no json" })).toBe(400);
    expect(await deliver({ id: "wh_5", body: event("rtc_1").replace("call_id", "call") })).toBe(
      400,
    );
    expect(side.calls.invites).toEqual([]);
  });

  it("has a size, and one method", async () => {
    const large = " ".repeat(65_537);
    expect(await deliver({ body: large })).toBe(413);
    // Whoever sends it.
    expect((await send(side.port, "POST", "/openai/webhook", {}, large)).status).toBe(413);
    expect((await send(side.port, "GET", "/openai/webhook")).status).toBe(405);
  });

  it("is not there while the path is not configured", async () => {
    const off = await startPublic();
    for (const path of ["/openai/webhook", "/"])
      expect((await send(off.port, "POST", path, headersOf({}), event("rtc_1"))).status).toBe(404);
    expect((await post(off, "/sip/incoming-call", CALL)).status).toBe(404);
    off.server.close();
  });

  it("logs a refusal without the body and the secret", async () => {
    await deliver({ secret: OTHER });
    expect(JSON.stringify(side.log.lines)).not.toMatch(/5550100009|whsec_|rtc_1/);
  });
});

describe("the voice webhook of numbers on the SIP path", () => {
  it("answers only what Twilio signed", async () => {
    expect((await post(side, "/sip/incoming-call", CALL)).status).toBe(200);
    expect((await post(side, "/sip/incoming-call", CALL, "forged")).status).toBe(403);
    expect(side.calls.asked).toEqual([{ method: "incomingSip", form: CALL, query: {} }]);
  });
});
