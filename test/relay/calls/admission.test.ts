import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Admission } from "../../../src/relay/calls/admission.js";
import { agent, CallBench } from "../../fakes/call-bench.js";

const MODEL = "gpt-realtime";

/** Samples of the same kind, four a second. */
function feed(
  admission: Admission,
  seconds: number,
  utilisation: number,
  lagMs: number,
  fromMs = 0,
): number {
  let nowMs = fromMs;
  for (let i = 0; i < seconds * 4; i++) {
    nowMs += 250;
    admission.sampled(utilisation, lagMs, nowMs);
  }
  return nowMs;
}

describe("the event loop", () => {
  it("stops new callers once it has been busy for a while, and lets them in again with relief only", () => {
    const admission = new Admission({ utilisation: 0.9 });
    let nowMs = feed(admission, 60, 0.85, 1);
    expect(admission.refusal(MODEL, nowMs)).toBeNull();
    nowMs = feed(admission, 60, 0.99, 1, nowMs);
    expect(admission.refusal(MODEL, nowMs)).toBe("overloaded");
    // Just below the limit is no relief.
    nowMs = feed(admission, 60, 0.85, 1, nowMs);
    expect(admission.overloaded).toBe(true);
    nowMs = feed(admission, 60, 0.7, 1, nowMs);
    expect(admission.refusal(MODEL, nowMs)).toBeNull();
  });

  it("stops new callers when timers are late, however busy it looks", () => {
    const admission = new Admission({ utilisation: 0.9 });
    let nowMs = feed(admission, 60, 0.5, 100);
    expect(admission.overloaded).toBe(true);
    nowMs = feed(admission, 60, 0.5, 5, nowMs);
    expect(admission.overloaded).toBe(false);
  });

  it("takes no notice of one long pause", () => {
    const admission = new Admission({ utilisation: 0.9 });
    const nowMs = feed(admission, 20, 0.3, 1);
    admission.sampled(1, 2_000, nowMs + 2_250);
    expect(admission.overloaded).toBe(false);
  });

  it("is ignored when the check is switched off", () => {
    const admission = new Admission({ utilisation: 1 });
    feed(admission, 120, 1, 1_000);
    expect(admission.overloaded).toBe(false);
  });

  it("never oscillates under a constant load", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 400 }),
        (busy, lagMs) => {
          const admission = new Admission({ utilisation: 0.9 });
          let changes = 0;
          let before = false;
          let nowMs = 0;
          for (let i = 0; i < 400; i++) {
            nowMs += 250;
            admission.sampled(busy, lagMs, nowMs);
            if (admission.overloaded !== before) changes++;
            before = admission.overloaded;
          }
          return changes <= 1;
        },
      ),
    );
  });
});

describe("tokens a minute", () => {
  it("keeps the last tenth for those who are talking, until the account has filled up again", () => {
    const admission = new Admission({ utilisation: 0.9 });
    expect(admission.refusal(MODEL, 0)).toBeNull();
    admission.tokensLeft(MODEL, 10_000, 40_000, 45, 0);
    expect(admission.refusal(MODEL, 0)).toBeNull();
    admission.tokensLeft(MODEL, 2_000, 40_000, 57, 1_000);
    expect(admission.refusal(MODEL, 1_000)).toBe("tokens");
    expect(admission.refusal("another-model", 1_000)).toBeNull();
    // 2,000 of 38,000 come back in 3 of 57 seconds.
    expect(admission.refusal(MODEL, 3_900)).toBe("tokens");
    expect(admission.refusal(MODEL, 4_100)).toBeNull();
    expect(admission.refusal(MODEL, 600_000)).toBeNull();
  });

  it("goes by the newest report, and takes odd ones as they come", () => {
    const admission = new Admission({ utilisation: 0.9 });
    admission.tokensLeft(MODEL, 0, 40_000, 60, 0);
    expect(admission.refusal(MODEL, 0)).toBe("tokens");
    admission.tokensLeft(MODEL, 39_000, 40_000, 1, 0);
    expect(admission.refusal(MODEL, 0)).toBeNull();
    admission.tokensLeft(MODEL, 0, 0, 0, 0);
    expect(admission.refusal(MODEL, 0)).toBeNull();
    admission.tokensLeft(MODEL, 0, 100, 0, 0);
    expect(admission.refusal(MODEL, 0)).toBeNull();
  });
});

it.each([
  ["31 years", 1e9],
  ["for ever", Number.POSITIVE_INFINITY],
  ["no number", Number.NaN],
  ["a time in the past", -5],
])("Admission lets callers in a minute later, when a reset is %s", (_what, resetSeconds) => {
  const admission = new Admission({ utilisation: 0.9 });
  admission.tokensLeft(MODEL, 0, 40_000, resetSeconds, 0);
  expect(admission.refusal(MODEL, 60_000)).toBeNull();
});

it.each([-1, -1e9, -1e300])(
  "Admission lets callers in a minute later, when %d tokens are left",
  (remaining) => {
    const admission = new Admission({ utilisation: 0.9 });
    admission.tokensLeft(MODEL, remaining, 40_000, 60, 0);
    expect(admission.refusal(MODEL, 0)).toBe("tokens");
    expect(admission.refusal(MODEL, 60_000)).toBeNull();
  },
);

describe("callers", () => {
  const verbs = async (bench: CallBench, n: number) =>
    (await bench.calls.incoming(bench.form(n))).map(({ verb }) => verb);

  it("overflow while the model's tokens are nearly used up, and come in again later", async () => {
    const bench = new CallBench(agent());
    const { model } = await bench.talk(1);
    model.says({
      type: "rate_limits.updated",
      rate_limits: [
        { name: "requests", limit: 100, remaining: 0, reset_seconds: 60 },
        { name: "tokens", limit: 40_000, remaining: 1_000, reset_seconds: 60 },
      ],
    });
    expect(await verbs(bench, 2)).toEqual(["say", "dial"]);
    expect(bench.fake.count("callsRejected", { reason: "tokens" })).toBe(1);
    // Other agents may use another model: the process as such is ready.
    expect(bench.calls.readiness()).toEqual({ ready: true, reason: "ok" });
    bench.run(10_000, 100);
    expect(await verbs(bench, 3)).toEqual(["connect_stream"]);
  });

  it("overflow while the process is overloaded; calls go on, a balancer is told", async () => {
    const bench = new CallBench(agent());
    const { stream } = await bench.talk(1);
    feed(bench.admission, 60, 1, 200, bench.clock.nowMs());
    expect(await verbs(bench, 2)).toEqual(["say", "dial"]);
    expect(bench.fake.count("callsRejected", { reason: "overloaded" })).toBe(1);
    expect(bench.calls.readiness()).toEqual({ ready: false, reason: "overloaded" });
    expect(stream.closedWith).toBeNull();
  });

  it("reach a fallback while every dial is refused for the key; a balancer is told until one is not", async () => {
    const bench = new CallBench(agent());
    await bench.calls.incoming(bench.form(1));
    bench.dialer.last.drops(0, 401, "invalid_api_key");
    expect(bench.calls.readiness()).toEqual({ ready: false, reason: "upstream_account" });
    expect(await verbs(bench, 2)).toEqual(["connect_stream"]);
    bench.dialer.last.becomesReady();
    expect(bench.calls.readiness()).toEqual({ ready: true, reason: "ok" });
  });
});
