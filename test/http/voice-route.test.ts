import { describe, expect, it } from "vitest";
import { voiceRoutes } from "../../src/http/voice-route.js";
import type { WebhookGuard } from "../../src/http/webhook-guard.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeCalls, FakeLog } from "./harness.js";

const parts = (sip: boolean) => {
  const calls = new FakeCalls();
  return {
    calls,
    sip: sip ? calls : null,
    guard: {} as WebhookGuard,
    clock: new FakeClock(),
    log: new FakeLog(),
  };
};

describe("the routes that Twilio posts to", () => {
  it("are those of the Media Streams path, and two more where the SIP path is configured", () => {
    const paths = [...voiceRoutes(parts(false)).keys()].sort();
    expect(paths).toEqual([
      "/amd-status",
      "/call-status",
      "/conference-events",
      "/connect-ended",
      "/incoming-call",
      "/recording-status",
      "/stream-status",
      "/transfer-status",
    ]);
    expect([...voiceRoutes(parts(true)).keys()].filter((path) => !paths.includes(path))).toEqual([
      "/sip/supervisor",
      "/sip/incoming-call",
    ]);
  });
});
