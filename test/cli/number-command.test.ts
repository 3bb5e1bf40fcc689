import { describe, expect, it } from "vitest";
import { differingFields, numberWebhooks } from "../../src/cli/number-command.js";

describe("a number's webhooks", () => {
  const config = { publicUrl: "https://relay.example.com" };

  it("differ between the two paths in the voice webhook", () => {
    expect(differingFields(numberWebhooks(config, false), numberWebhooks(config, true))).toEqual([
      "voiceUrl",
    ]);
  });

  it("are all asked with POST", () => {
    const webhooks = numberWebhooks(config, false);
    expect(webhooks).toMatchObject({
      voiceUrl: "https://relay.example.com/incoming-call",
      voiceFallbackUrl: "https://relay.example.com/connect-ended",
      statusCallback: "https://relay.example.com/call-status",
    });
    const got = { ...webhooks, voiceMethod: "GET", statusCallbackMethod: "GET" };
    expect(differingFields(got, webhooks)).toEqual(["voiceMethod", "statusCallbackMethod"]);
  });
});
