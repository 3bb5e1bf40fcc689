import { describe, expect, it } from "vitest";
import { parseDialTarget } from "../../../src/config/agents/dial-target.js";
import { isAssignable } from "../../../src/config/agents/number-plans.js";

describe("parseDialTarget", () => {
  it.each([
    ["+15551112222", { type: "number", e164: "+15551112222" }],
    ["+442079460123", { type: "number", e164: "+442079460123" }],
    ["+18005551234", { type: "number", e164: "+18005551234" }],
    ["sip:billing@pbx.example.com", { type: "sip", uri: "sip:billing@pbx.example.com" }],
    [
      "sips:desk@10.0.0.7:5061;transport=tls",
      { type: "sip", uri: "sips:desk@10.0.0.7:5061;transport=tls" },
    ],
    ["client:anna.b", { type: "client", identity: "anna.b" }],
  ])("takes %s", (text, target) => expect(parseDialTarget(text, null)).toEqual(target));

  it.each([
    ["", "E.164"],
    ["5551112222", "E.164"],
    ["+1 555 111 2222", "E.164"],
    ["+0123456789", "E.164"],
    ["+1555111222a", "E.164"],
    ["+1555111", "length"],
    ["+15551112222\r\nX-Evil: 1", "E.164"],
    // Premium rate by the numbering plans of the US, the UK and Germany.
    ["+19005551234", "premium"],
    ["+449098790000", "premium"],
    ["+499001234567", "premium"],
    ["sip:a@b.example?X-Header=1", "headers"],
    ["sip:a@b.example;user=phone", "sip:user@host"],
    ["sip:a@b.example:99999", "sip:user@host"],
    ["sip:a b@c.example", "sip:user@host"],
    ["sip:@c.example", "sip:user@host"],
    ["sip:a@b..example", "sip:user@host"],
    ["sip:a@b.example\r\nX: 1", "sip:user@host"],
    ["client:", "client"],
    ["client:a b", "client"],
    ["tel:+15551112222", "E.164"],
  ])("refuses %j", (text, why) =>
    expect(parseDialTarget(text, null)).toEqual(expect.stringContaining(why)),
  );

  it("holds SIP hosts against the list, whatever their case", () => {
    const hosts = new Set(["pbx.example.com"]);
    expect(parseDialTarget("sip:a@PBX.example.com", hosts)).toMatchObject({ type: "sip" });
    expect(parseDialTarget("sip:a@evil.example", hosts)).toContain("sip_hosts");
    expect(parseDialTarget("sip:a@pbx.example.com.evil.example", hosts)).toContain("sip_hosts");
  });

  it("knows fictitious numbers", () => {
    expect([isAssignable("+15551112222"), isAssignable("+442079460123")]).toEqual([false, true]);
  });
});
