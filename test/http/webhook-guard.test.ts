import { describe, expect, it } from "vitest";
import { RefusalLog } from "../../src/http/refusal-log.js";
import { WebhookGuard } from "../../src/http/webhook-guard.js";
import { ACCOUNT_SID, AUTH_TOKEN, CountedRequests, FakeLog, sign } from "./harness.js";

const URL_ = "wss://relay.example.com/media-stream";

function guard(validate = true) {
  const metrics = new CountedRequests();
  const log = new FakeLog();
  return {
    metrics,
    log,
    guard: new WebhookGuard({
      publicUrl: "https://relay.example.com",
      accountSid: ACCOUNT_SID,
      authTokens: ["another token", AUTH_TOKEN],
      validate,
      metrics,
      refusals: new RefusalLog(log, () => 0),
      nowMs: () => 0,
    }),
  };
}

const head = (signature: string) => ({
  address: "10.0.0.1",
  header: (name: string) => (name === "x-twilio-signature" ? signature : "x"),
});

describe("the signature of a request without a body", () => {
  it.each([
    ["of the first URL", sign(URL_), true],
    ["of another URL of the list", sign(`${URL_}/`), true],
    ["with another token", sign(URL_, {}, "a third token"), false],
    ["of another address", sign("wss://other.example.com/media-stream"), false],
    ["that is not base64", "?".repeat(28), false],
    ["that is missing", "", false],
  ])("%s is valid: %s", (_what, signature, isValid) => {
    const { guard: one, metrics, log } = guard();
    expect(one.signedHead("media", head(signature), [URL_, `${URL_}/`])).toBe(isValid);
    const reason = signature === "" ? "missing" : "invalid";
    expect(metrics.failures).toEqual(isValid ? [] : [`media/${reason}`]);
    expect(log.lines.map(({ fields }) => fields["signedUrl"])).toEqual(isValid ? [] : [URL_]);
  });

  it("is not asked for while signatures are not checked", () => {
    expect(guard(false).guard.signedHead("media", head(""), [URL_])).toBe(true);
  });
});
