import { describe, expect, it } from "vitest";
import { ModelDialer } from "../../../src/relay/model/model-dialer.js";
import type {
  ModelSession,
  ModelSessionLifecycle,
  SessionFailure,
} from "../../../src/relay/model/model-session.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";

const GONE: SessionFailure = { code: "upstream_closed", retryable: true, detail: "" };
const KEY: SessionFailure = { code: "upstream_account", retryable: false, detail: "" };

/** A dialer whose sessions do what the test says. */
function dialling() {
  const clock = new FakeClock();
  const metrics = new FakeMetrics();
  const dials: { atMs: number; lifecycle: ModelSessionLifecycle; closed: boolean }[] = [];
  const told: [what: string, atMs: number, code: string][] = [];
  const dialer = new ModelDialer(
    {
      openSession: (_history, lifecycle) => {
        const dial = { atMs: clock.nowMs(), lifecycle, closed: false };
        dials.push(dial);
        const close = (): void => {
          dial.closed = true;
        };
        return { close } as unknown as ModelSession;
      },
      sessionReady: () => void told.push(["ready", clock.nowMs(), ""]),
      sessionUnavailable: ({ code }) => void told.push(["unavailable", clock.nowMs(), code]),
      sessionLost: ({ code }) => void told.push(["lost", clock.nowMs(), code]),
    },
    { clock, metrics: metrics.metrics, timeoutMs: 3_000 },
  );
  dialer.open([]);
  return { clock, metrics, dialer, dials, told, dialledMs: () => dials.map(({ atMs }) => atMs) };
}

describe("a model that does not answer", () => {
  it("is dialled twice, within twice the time", () => {
    const { clock, dialledMs, told, dials } = dialling();
    clock.advance(10_000);
    expect(dialledMs()).toEqual([0, 3_150]);
    expect(told).toEqual([["unavailable", 6_000, "upstream_timeout"]]);
    expect(dials.map(({ closed }) => closed)).toEqual([true, true]);
  });

  it("is given its time again, and its second dial, after a process stall", () => {
    const { clock, dialledMs, told } = dialling();
    clock.advance(1_000);
    clock.standStill(3_600_000);
    clock.advance(2_999);
    expect(dialledMs()).toEqual([0]);
    clock.advance(10_000);
    expect(dialledMs()).toEqual([0, 3_604_150]);
    expect(told).toEqual([["unavailable", 3_607_000, "upstream_timeout"]]);
  });
});

describe("a dial that fails", () => {
  it("is repeated once, after a short pause", () => {
    const { clock, dials, dialledMs, told, metrics } = dialling();
    dials[0]!.lifecycle.lost(GONE);
    clock.advance(150);
    expect(dialledMs()).toEqual([0, 150]);
    dials[1]!.lifecycle.lost(GONE);
    expect(told).toEqual([["unavailable", 150, "upstream_closed"]]);
    expect(metrics.count("upstreamErrors", { code: "upstream_closed" })).toBe(2);
  });

  it("is not repeated when the next would fail the same way", () => {
    const { clock, dials, told } = dialling();
    dials[0]!.lifecycle.lost(KEY);
    clock.advance(10_000);
    expect(dials).toHaveLength(1);
    expect(told).toEqual([["unavailable", 0, "upstream_account"]]);
  });
});

describe("a session that is ready", () => {
  it("is given out until it is lost, and is then the call's to replace", () => {
    const { clock, dialer, dials, told, metrics } = dialling();
    expect(dialer.session).toBeNull();
    clock.advance(200);
    dials[0]!.lifecycle.ready();
    expect(dialer.session).not.toBeNull();
    dialer.open([]);
    clock.advance(10_000);
    dials[0]!.lifecycle.lost(GONE);
    dials[0]!.lifecycle.lost(GONE);
    clock.advance(10_000);
    expect(dialer.session).toBeNull();
    expect(dials).toHaveLength(1);
    expect(told).toEqual([
      ["ready", 200, ""],
      ["lost", 10_200, "upstream_closed"],
    ]);
    expect(metrics.count("upstreamConnect")).toBe(1);
    dialer.open([]);
    expect(dials).toHaveLength(2);
  });

  it("reports nothing once the dialer is closed", () => {
    const { clock, dialer, dials, told } = dialling();
    dialer.close();
    dialer.close();
    clock.advance(10_000);
    expect(dials).toHaveLength(1);
    expect(dials[0]!.closed).toBe(true);
    expect(told).toEqual([]);
  });
});
