import { beforeEach, describe, expect, it } from "vitest";
import { judgeClock, RetentionClock, type SeenClock } from "../../src/records/retention-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.parse("2026-11-30T12:00:00Z");
const TEN_YEARS_MS = 3_650 * DAY_MS;

/** The sweeps at these times, one after the other: which of them were allowed. */
function sweeps(times: readonly number[], before: SeenClock | null = null): boolean[] {
  let seen = before;
  return times.map((nowMs) => {
    const judged = judgeClock(seen, nowMs);
    seen = judged.seen;
    return judged.isTrusted;
  });
}
const hourly = (fromMs: number, hours: number) =>
  Array.from({ length: hours }, (_, n) => fromMs + n * HOUR_MS);

describe("the clock of retention", () => {
  it("is believed while it moves on, also over a day without a sweep, and when it goes back", () => {
    const times = [START_MS, START_MS + HOUR_MS, START_MS + HOUR_MS + DAY_MS, START_MS - DAY_MS];
    expect(sweeps(times)).toEqual([true, true, true, true]);
  });

  it("is not believed for a day after it has jumped forward", () => {
    const jumped = START_MS + TEN_YEARS_MS;
    expect(sweeps([START_MS, ...hourly(jumped, 26)])).toEqual([
      true,
      ...Array(24).fill(false),
      true,
      true,
    ]);
  });

  it("is believed at once when it is set right, and the next jump counts anew", () => {
    const jumped = START_MS + TEN_YEARS_MS;
    const right = START_MS + 5 * HOUR_MS;
    expect(
      sweeps([START_MS, ...hourly(jumped, 4), right, ...hourly(jumped, 24), jumped + DAY_MS]),
    ).toEqual([true, ...Array(4).fill(false), true, ...Array(24).fill(false), true]);
  });

  it("is not believed while it goes on jumping", () => {
    const jumps = Array.from({ length: 30 }, (_, n) => START_MS + (n + 1) * 2 * DAY_MS);
    expect(sweeps([START_MS, ...jumps])).toEqual([true, ...jumps.map(() => false)]);
    // Back to a time that is still in the future is another jump.
    const far = START_MS + TEN_YEARS_MS;
    expect(sweeps([START_MS, far, far - 1_000 * DAY_MS, far - 999 * DAY_MS])).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it("is believed in the end by a service that is off for days again and again", () => {
    const days = Array.from({ length: 4 }, (_, n) => hourly(START_MS + n * 3 * DAY_MS, 9));
    const [first, ...later] = days.map((hours, n) => [
      n,
      sweeps(days.slice(0, n + 1).flat()).slice(-hours.length),
    ]);
    expect(first).toEqual([0, Array(9).fill(true)]);
    expect(later).toEqual([
      [1, Array(9).fill(false)],
      [2, Array(9).fill(false)],
      // Eight hours a day: at the end of the third day.
      [3, [...Array(8).fill(false), true]],
    ]);
  });

  it("is corrected by another node whose clock is right", () => {
    const wrong = hourly(START_MS + TEN_YEARS_MS, 48);
    const right = hourly(START_MS, 48);
    const both = wrong.flatMap((ms, n) => [right[n]!, ms]);
    expect(sweeps(both)).toEqual(right.flatMap(() => [true, false]));
  });
});

describe("what all processes know of the clock", () => {
  let log: FakeLog;
  let stored: string | null;
  let ttlMs: number;
  beforeEach(() => {
    log = new FakeLog();
    stored = null;
    ttlMs = 0;
  });
  const clock = () =>
    new RetentionClock(
      {
        getState: async () => (stored === null ? null : { value: stored, version: 1 }),
        putState: async (_key, value, keptMs) => {
          stored = value;
          ttlMs = keptMs;
          return true;
        },
      },
      log,
    );

  it("outlives a process, and a jump of the database's own clock", async () => {
    expect(await clock().isTrusted(START_MS)).toBe(true);
    expect(ttlMs).toBeGreaterThan(500 * 365 * DAY_MS);
    expect(await clock().isTrusted(START_MS + TEN_YEARS_MS)).toBe(false);
    expect(await clock().isTrusted(START_MS + HOUR_MS)).toBe(true);
  });

  it("is not believed for a day when it cannot be read", async () => {
    for (stored of ["", "{", "null", "{}", '{"trustedMs":"x"}']) {
      expect(await clock().isTrusted(START_MS)).toBe(false);
      for (const ms of hourly(START_MS, 24)) expect(await clock().isTrusted(ms)).toBe(false);
      expect(await clock().isTrusted(START_MS + DAY_MS)).toBe(true);
    }
  });

  it("is logged as long as nothing is deleted, with what is wrong and until when", async () => {
    await clock().isTrusted(START_MS);
    expect(log.lines).toEqual([]);
    await clock().isTrusted(START_MS + 3 * DAY_MS);
    expect(log.lines).toEqual([
      "warn retention: nothing deleted, the clock has jumped " +
        '{"clock":"2026-12-03T12:00:00.000Z","before":"2026-11-30T12:00:00.000Z",' +
        '"heldUntil":"2026-12-04T12:00:00.000Z"}',
    ]);
    await clock().isTrusted(9e15);
    expect(log.lines[1]).toContain("9000000000000000");
  });
});
