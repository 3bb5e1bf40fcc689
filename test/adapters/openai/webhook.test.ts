import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { deliveryFault, verifyDelivery } from "../../../src/adapters/openai/webhook.js";

const SECRET = `whsec_${Buffer.from("the secret of the project").toString("base64")}`;
const OTHER = `whsec_${Buffer.from("some other secret").toString("base64")}`;
const NOW_S = 1_700_000_000;
const BODY = Buffer.from('{"type":"realtime.call.incoming"}');

function headersOf(secret = SECRET, changes: Record<string, string> = {}) {
  const headers: Record<string, string> = {
    "webhook-id": "wh_1",
    "webhook-timestamp": String(NOW_S),
    "webhook-signature": new Webhook(secret).sign("wh_1", new Date(NOW_S * 1000), BODY.toString()),
    ...changes,
  };
  return (name: string): string => headers[name] ?? "";
}

describe("the headers of a delivery", () => {
  it.each([
    ["nothing", {}, null],
    ["no id", { "webhook-id": "" }, "webhook-id is missing or too long"],
    ["an id without end", { "webhook-id": "x".repeat(257) }, "webhook-id is missing or too long"],
    ["no signature", { "webhook-signature": "" }, "webhook-signature has no v1 signature"],
    [
      "no v1 signature",
      { "webhook-signature": "v1a,AAAA" },
      "webhook-signature has no v1 signature",
    ],
    ["no time", { "webhook-timestamp": "" }, "webhook-timestamp is not a number of seconds"],
    ["a past time", { "webhook-timestamp": `${NOW_S - 301}` }, "webhook-timestamp is too old"],
    [
      "a future time",
      { "webhook-timestamp": `${NOW_S + 301}` },
      "webhook-timestamp is in the future",
    ],
  ])("with %s wrong: %j", (_what, changes, fault) => {
    expect(deliveryFault(headersOf(SECRET, changes), NOW_S * 1000)).toBe(fault);
  });
});

describe("the signature of a delivery", () => {
  it("is the one that standard-webhooks makes", () => {
    expect(verifyDelivery(SECRET, BODY, headersOf())).toEqual({ id: "wh_1" });
  });

  it("is looked for among several, while secrets are rotated", () => {
    const both = `${headersOf(OTHER)("webhook-signature")} ${headersOf()("webhook-signature")}`;
    const header = headersOf(SECRET, { "webhook-signature": both });
    expect(verifyDelivery(SECRET, BODY, header)).toEqual({ id: "wh_1" });
  });

  it.each([
    ["another secret", headersOf(OTHER), BODY],
    ["another body", headersOf(), Buffer.from("{}")],
    ["another id", headersOf(SECRET, { "webhook-id": "wh_2" }), BODY],
    ["another time", headersOf(SECRET, { "webhook-timestamp": `${NOW_S + 1}` }), BODY],
  ])("does not fit %s", (_what, header, body) => {
    expect(() => verifyDelivery(SECRET, body, header)).toThrow(
      expect.objectContaining({ code: "auth_failed" }),
    );
  });
});
