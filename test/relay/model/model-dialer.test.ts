import { describe, expect, it } from "vitest";
import { ModelDialer } from "../../../src/relay/model/model-dialer.js";
import type { ModelSession, SessionFailure } from "../../../src/relay/model/model-session.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";

/** Dials that nobody answers. */
function dialling() {
  const clock = new FakeClock();
  const dialledMs: number[] = [];
  const failed: [atMs: number, failure: SessionFailure][] = [];
  const session = { close: () => {} } as ModelSession;
  const upstream = new ModelDialer(
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
