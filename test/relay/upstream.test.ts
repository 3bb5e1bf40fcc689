import { describe, expect, it } from "vitest";
import { Upstream } from "../../src/relay/upstream.js";
import type { SessionFailure, VoiceSession } from "../../src/relay/voice-session.js";
import { FakeClock } from "../support/fake-clock.js";
import { FakeMetrics } from "../support/fake-ports.js";

/** Dials that nobody answers. */
function dialling() {
  const clock = new FakeClock();
  const dialledMs: number[] = [];
  const failed: [atMs: number, failure: SessionFailure][] = [];
  const session = { close: () => {} } as VoiceSession;
  const upstream = new Upstream(
    {
      openSession: () => {
        dialledMs.push(clock.nowMs());
        return session;
      },
      sessionReady: () => {},
      sessionUnavailable: (failure) => void failed.push([clock.nowMs(), failure]),
      sessionLost: () => {},
    },
    { clock, metrics: new FakeMetrics().metrics, timeoutMs: 3_000 },
  );
  upstream.open([]);
  return { clock, dialledMs, failed };
}

describe("a model that does not answer", () => {
  it("is dialled twice, within twice the time", () => {
    const { clock, dialledMs, failed } = dialling();
    clock.advance(10_000);
    expect(dialledMs).toEqual([0, 3_150]);
    expect(failed).toMatchObject([[6_000, { code: "upstream_timeout" }]]);
  });

  it("is given its time again, and its second dial, after a standstill", () => {
    const { clock, dialledMs, failed } = dialling();
    clock.advance(1_000);
    clock.standStill(3_600_000);
    clock.advance(2_999);
    expect(dialledMs).toEqual([0]);
    clock.advance(10_000);
    expect(dialledMs).toEqual([0, 3_604_150]);
    expect(failed).toMatchObject([[3_607_000, { code: "upstream_timeout" }]]);
  });
});
