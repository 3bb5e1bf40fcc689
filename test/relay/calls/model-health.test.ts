import { describe, expect, it } from "vitest";
import { ModelHealth } from "../../../src/relay/calls/model-health.js";

describe("the health of the model", () => {
  it("has a fault after a failure that the next dial shares", () => {
    const health = new ModelHealth();
    expect(health.fault(0)).toBeNull();
    health.sessionFailed("upstream_account", false, 0);
    expect(health.fault(1)).toBe("upstream_account");
  });

  it("has none once a session was configured", () => {
    const health = new ModelHealth();
    health.sessionFailed("upstream_rejected", false, 0);
    health.sessionReady();
    expect(health.fault(1)).toBeNull();
  });

  it.each([
    ["upstream_unreachable", true],
    ["upstream_timeout", true],
    ["upstream_account", true],
    ["upstream_closed", false],
  ] as const)("is not judged by %s, retryable %s", (code, retryable) => {
    const health = new ModelHealth();
    health.sessionFailed(code, retryable, 0);
    expect(health.fault(1)).toBeNull();
  });

  it("is tried again two minutes after the last failure", () => {
    const health = new ModelHealth();
    health.sessionFailed("upstream_account", false, 0);
    health.sessionFailed("upstream_account", false, 60_000);
    expect(health.fault(179_999)).toBe("upstream_account");
    expect(health.fault(180_000)).toBeNull();
  });
});
