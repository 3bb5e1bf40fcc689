import twilio from "twilio";
import { describe, expect, it } from "vitest";
import { sign } from "../../sim/twilio/signature.js";

const TOKEN = "0123456789abcdef0123456789abcdef";

describe("sign", () => {
  it.each([
    [
      "a form",
      "https://relay.test/incoming-call",
      { CallSid: "CA1", From: "+1", Empty: "", a: "b c+d" },
    ],
    ["a query", "https://relay.test/x?a=1&b=%20", { To: "é" }],
    ["no form", "wss://relay.test/media-stream", {}],
    ["a port over http", "http://relay.test:8080/x", { A: "1" }],
  ])("agrees with Twilio's own helper on %s", (_name, url, form) => {
    expect(sign(TOKEN, url, form)).toBe(twilio.getExpectedTwilioSignature(TOKEN, url, form));
    expect(twilio.validateRequest(TOKEN, sign(TOKEN, url, form), url, form)).toBe(true);
  });

  it("leaves out an https port, credentials and the fragment", () => {
    expect(sign(TOKEN, "https://u:p@relay.test:8443/x#rc=2", {})).toBe(
      sign(TOKEN, "https://relay.test/x", {}),
    );
  });
});
