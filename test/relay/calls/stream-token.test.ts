import { describe, expect, it } from "vitest";
import { StreamTokens } from "../../../src/relay/calls/stream-token.js";
import { sid } from "../../fakes/call-bench.js";

const CLAIMS = ["support", "+15550001111", "+15550002222", "inbound"];

function tokens(...secrets: readonly string[]) {
  const clock = { nowMs: 5_000, epochMs: Date.UTC(2026, 10, 29) };
  const one = new StreamTokens(secrets.length === 0 ? ["secret"] : secrets, {
    nowMs: () => clock.nowMs,
    epochMs: () => clock.epochMs,
  });
  const pass = (ms: number): void => {
    clock.nowMs += ms;
    clock.epochMs += ms;
  };
  return { clock, pass, tokens: one };
}

describe("a stream token", () => {
  it("is good once", () => {
    const { tokens: one } = tokens();
    const token = one.issue(sid(1), CLAIMS);
    expect(one.verify(token, sid(1), CLAIMS)).toBe("ok");
    expect(one.redeem(token, sid(1), CLAIMS)).toBe("ok");
    expect(one.redeem(token, sid(1), CLAIMS)).toBe("replayed");
  });

  it("is checked by any process with the same secret, and by no other", () => {
    const token = tokens().tokens.issue(sid(1), CLAIMS);
    expect(tokens().tokens.redeem(token, sid(1), CLAIMS)).toBe("ok");
    expect(tokens("another").tokens.redeem(token, sid(1), CLAIMS)).toBe("invalid");
  });

  it("is checked by a process that has another secret first, while secrets are rotated", () => {
    const [old, rotated] = [tokens("old", "new"), tokens("new", "old")];
    const ofOld = old.tokens.issue(sid(1), CLAIMS);
    const ofNew = rotated.tokens.issue(sid(1), CLAIMS);
    expect(rotated.tokens.redeem(ofOld, sid(1), CLAIMS)).toBe("ok");
    expect(old.tokens.redeem(ofNew, sid(1), CLAIMS)).toBe("ok");
    expect(tokens("new").tokens.redeem(ofOld, sid(1), CLAIMS)).toBe("invalid");
  });

  it("belongs to its call and to what travels beside it", () => {
    const { tokens: one } = tokens();
    const token = one.issue(sid(1), CLAIMS);
    expect(one.redeem(token, sid(2), CLAIMS)).toBe("invalid");
    for (let i = 0; i < CLAIMS.length; i++)
      expect(one.redeem(token, sid(1), CLAIMS.with(i, "other"))).toBe("invalid");
    // Claims cannot be moved into one another.
    const joined = [CLAIMS.slice(0, 2).join(","), ...CLAIMS.slice(2)];
    expect(one.redeem(token, sid(1), joined)).toBe("invalid");
  });

  it("expires two minutes after it was issued", () => {
    const { tokens: one, pass } = tokens();
    const token = one.issue(sid(1), CLAIMS);
    pass(119_999);
    expect(one.verify(token, sid(1), CLAIMS)).toBe("ok");
    pass(1);
    expect(one.redeem(token, sid(1), CLAIMS)).toBe("expired");
  });

  it.each([3_600_000, -3_600_000, 86_400_000, -86_400_000])(
    "outlives a clock that is set by %i ms, also of another process of the machine",
    (stepMs) => {
      const [one, other] = [tokens(), tokens()];
      const [first, second] = [one.tokens.issue(sid(1), CLAIMS), one.tokens.issue(sid(2), CLAIMS)];
      for (const { clock, pass } of [one, other]) {
        pass(1_000);
        clock.epochMs += stepMs;
      }
      expect(one.tokens.aheadMs(first)).toBe(-1_000);
      expect(one.tokens.redeem(first, sid(1), CLAIMS)).toBe("ok");
      expect(one.tokens.redeem(first, sid(1), CLAIMS)).toBe("replayed");
      expect(other.tokens.redeem(second, sid(2), CLAIMS)).toBe("ok");
      expect(one.tokens.verify(one.tokens.issue(sid(3), CLAIMS), sid(3), CLAIMS)).toBe("ok");
      one.pass(120_000);
      expect(one.tokens.verify(second, sid(2), CLAIMS)).not.toBe("ok");
    },
  );

  it.each([
    [undefined, "missing"],
    ["", "missing"],
    ["a.b", "invalid"],
    ["a.b.c", "invalid"],
    ["a.b.c.d", "invalid"],
    ["NaN..", "invalid"],
  ])("%j is %s", (token, check) => {
    expect(tokens().tokens.redeem(token, sid(1), CLAIMS)).toBe(check);
  });

  it("with a later expiry or another nonce is invalid", () => {
    const { tokens: one } = tokens();
    const [expiry, nonce, mac] = one.issue(sid(1), CLAIMS).split(".");
    const later = (Number.parseInt(expiry!, 36) + 1_000).toString(36);
    expect(one.redeem(`${later}.${nonce}.${mac}`, sid(1), CLAIMS)).toBe("invalid");
    expect(one.redeem(`${expiry}.x${nonce}.${mac}`, sid(1), CLAIMS)).toBe("invalid");
  });

  it("of a node whose clock is ahead is good once, for as long as any process takes it", () => {
    const { tokens: here, clock, pass } = tokens();
    const there = tokens();
    there.clock.epochMs = clock.epochMs + 60_000;
    const token = there.tokens.issue(sid(1), CLAIMS);
    expect(here.aheadMs(token)).toBe(60_000);
    expect(here.onceKey(token).ttlMs).toBe(180_000);
    expect(here.redeem(token, sid(1), CLAIMS)).toBe("ok");
    pass(179_999);
    expect(here.redeem(token, sid(1), CLAIMS)).toBe("replayed");
    there.clock.epochMs = clock.epochMs + 600_001;
    expect(here.redeem(there.tokens.issue(sid(2), CLAIMS), sid(2), CLAIMS)).toBe("invalid");
  });

  it("is claimed among processes by its nonce alone", () => {
    const { tokens: one } = tokens();
    const token = one.issue(sid(1), CLAIMS);
    expect(one.onceKey(token)).toEqual({ key: `stream:${token.split(".")[1]}`, ttlMs: 120_000 });
  });
});
