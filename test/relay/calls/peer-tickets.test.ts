import { describe, expect, it } from "vitest";
import { PeerTickets } from "../../../src/relay/calls/peer-tickets.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";

describe("a ticket for another process", () => {
  it("is valid once, for one call and for ten seconds", () => {
    const clock = new FakeClock();
    const tickets = new PeerTickets<string>(() => clock.nowMs());
    const first = tickets.issue(sid(1), "ada");
    expect(first).toMatch(/^[0-9a-f]{48}$/);
    expect(tickets.redeem(sid(1), first)).toBe("ada");
    expect(tickets.redeem(sid(1), first)).toBeNull();
    const other = tickets.issue(sid(1), "ada");
    expect(tickets.redeem(sid(2), other)).toBeNull();
    // It was shown to a stranger.
    expect(tickets.redeem(sid(1), other)).toBeNull();
    const late = tickets.issue(sid(1), "ada");
    clock.advance(10_001);
    expect(tickets.redeem(sid(1), late)).toBeNull();
    expect(tickets.redeem(sid(1), "")).toBeNull();
  });
});
