import { describe, expect, it } from "vitest";
import {
  isRateLimit,
  RateLimits,
  statedWaitMs,
} from "../../../../src/relay/model/openai-realtime/rate-limit.js";

describe("statedWaitMs", () => {
  it.each([
    ["Rate limit reached for gpt-realtime. Please try again in 1.2s. Visit …", 1_200],
    ["Please try again in 350ms.", 350],
    ["please TRY AGAIN IN 2 seconds", 2_000],
    ["try again in 6m0s", 360_000],
    ["try again in 1m30.5s.", 90_500],
    ["try again in 20s visit 3 pages", 20_000],
    ["try again in 0.2ms", 1],
    ["try again in 0s", null],
    ["try again in 2h", null],
    ["try again in 5 apples", null],
    ["try again in a moment", null],
    [`${"x".repeat(5_000)} try again in 5s`, null],
    ["", null],
    [null, null],
  ])("reads %j", (message, ms) => {
    expect(statedWaitMs(message)).toBe(ms);
  });
});

describe("RateLimits", () => {
  const limit = (name: string, remaining: number | null, resetSeconds: number | null) => ({
    name,
    limit: 100,
    remaining,
    resetSeconds,
  });

  it("tells the wait that the message names, before that of the limits", () => {
    const limits = new RateLimits();
    limits.updated([limit("tokens", 0, 9)], 0);
    expect(limits.retryAfterMs("rate_limit_exceeded", "try again in 1s", 0)).toBe(1_000);
    expect(limits.retryAfterMs("rate_limit_exceeded", null, 2_000)).toBe(7_000);
    expect(limits.retryAfterMs("inference_rate_limit_exceeded", "?", 2_000)).toBe(7_000);
  });

  it("tells no wait for other errors, nor when limits have room or have been reset", () => {
    const limits = new RateLimits();
    limits.updated([limit("tokens", 0, 9)], 0);
    expect(limits.retryAfterMs("server_error", "try again in 1s", 0)).toBeNull();
    expect(limits.retryAfterMs("rate_limit_exceeded", null, 9_000)).toBeNull();
    limits.updated([limit("tokens", 5, 9), limit("requests", null, 3)], 0);
    expect(limits.retryAfterMs("rate_limit_exceeded", null, 0)).toBeNull();
  });

  it("waits for the last of several limits", () => {
    const limits = new RateLimits();
    limits.updated([limit("tokens", 0, 2), limit("requests", 0, 5)], 0);
    expect(limits.retryAfterMs("rate_limit_exceeded", null, 0)).toBe(5_000);
  });
});

describe("isRateLimit", () => {
  it("knows the codes of OpenAI", () => {
    expect(isRateLimit("rate_limit_exceeded")).toBe(true);
    expect(isRateLimit("server_error")).toBe(false);
    expect(isRateLimit(null)).toBe(false);
  });
});
