import { beforeEach, describe, expect, it } from "vitest";
import { CallerCounts } from "../../src/supervisor/caller-counts.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { testSid } from "../fakes/record-events.js";

const LIMITS = { maxCallsPerCaller: 2, maxWithheldCalls: 1, maxCallsPerLine: 4 };
const call = (n: number, from = "+15550001111", to = "+15550002222") => ({
  callSid: testSid(n),
  from,
  to,
  direction: "inbound" as const,
});

let clock: FakeClock;
let counts: CallerCounts;
beforeEach(() => {
  clock = new FakeClock();
  counts = new CallerCounts(clock);
});

describe("callers of all workers together", () => {
  it("have the limits of one", () => {
    expect(counts.admit(1, call(1), LIMITS)).toBeNull();
    expect(counts.admit(2, call(2), LIMITS)).toBeNull();
    for (const worker of [1, 2]) expect(counts.admit(worker, call(3), LIMITS)).toBe("caller_limit");
    expect(counts.admit(2, call(4, "anonymous"), LIMITS)).toBeNull();
    expect(counts.admit(1, call(5, "anonymous"), LIMITS)).toBe("withheld_limit");
    expect(counts.admit(1, call(6, "+15550003333"), LIMITS)).toBeNull();
    expect(counts.admit(2, call(7, "+15550004444"), LIMITS)).toBe("line_limit");
  });

  it("do not count a call twice that Twilio announces twice", () => {
    const one = { ...LIMITS, maxCallsPerCaller: 1 };
    expect([counts.admit(1, call(1), one), counts.admit(2, call(1), one)]).toEqual([null, null]);
  });

  it("count calls that came without being asked for, and none that the relay placed", () => {
    const one = { ...LIMITS, maxCallsPerCaller: 1 };
    counts.present(1, { ...call(1), direction: "outbound" });
    expect(counts.admit(2, call(2), one)).toBeNull();
    counts.absent(2, call(2).callSid);
    counts.present(1, call(3));
    expect(counts.admit(2, call(4), one)).toBe("caller_limit");
  });

  it("have room again when a call is over, a worker has died, or a call did not begin", () => {
    const one = { ...LIMITS, maxCallsPerCaller: 1 };
    counts.present(1, call(1));
    counts.absent(2, call(1).callSid);
    expect(counts.admit(2, call(2), one)).toBe("caller_limit");
    counts.absent(1, call(1).callSid);
    expect(counts.admit(2, call(2), one)).toBeNull();
    counts.present(2, call(2));
    clock.advance(60_000);
    expect(counts.admit(1, call(3), one)).toBe("caller_limit");
    counts.workerGone(2);
    expect(counts.admit(1, call(3), one)).toBeNull();
    clock.advance(5_000);
    expect(counts.admit(1, call(4), one)).toBeNull();
  });
});
