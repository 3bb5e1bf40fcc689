import { describe, expect, it } from "vitest";
import { NOT_MEASURED, PlaybackClock } from "../../src/playout/playback-clock.js";

const BYTES_PER_MS = 8;
const SECOND = 1000 * BYTES_PER_MS;
/** Without any echo the phone is taken to start half a tick after the audio has come. */
const START_MS = 10;

/** A clock whose round trip has been measured, and that has nothing to play. */
function measured(roundTripMs: number): PlaybackClock {
  const clock = new PlaybackClock();
  expect(clock.probe(0)).toBe(true);
  clock.marked(0, 0, roundTripMs);
  return clock;
}

describe("PlaybackClock: the position", () => {
  it("follows the clock from half a tick after the first byte, up to what was sent", () => {
    const clock = new PlaybackClock();
    clock.sent(SECOND, 100);
    expect(clock.playedOnArrivalBytes(100)).toBe(0);
    expect(clock.playedOnArrivalBytes(100 + START_MS + 300)).toBe(300 * BYTES_PER_MS);
    expect(clock.playedOnArrivalBytes(5000)).toBe(SECOND);
    expect(clock.leadBytes(100 + START_MS + 300)).toBe(700 * BYTES_PER_MS);
  });

  it("begins a new run when the phone has run dry", () => {
    const clock = new PlaybackClock();
    clock.sent(SECOND, 0);
    clock.sent(SECOND, 3000);
    expect(clock.playedOnArrivalBytes(3000 + START_MS + 250)).toBe(SECOND + 250 * BYTES_PER_MS);
  });

  it("joins audio that comes in time to the present run", () => {
    const clock = new PlaybackClock();
    clock.sent(SECOND, 0);
    clock.sent(SECOND, 500);
    expect(clock.playedOnArrivalBytes(START_MS + 1200)).toBe(1200 * BYTES_PER_MS);
  });

  it("is never before what a mark has proved", () => {
    const clock = new PlaybackClock();
    clock.sent(SECOND, 0);
    clock.marked(0, 4000, 100);
    expect(clock.playedOnArrivalBytes(100)).toBe(4000);
    expect(clock.confirmedBytes).toBe(4000);
  });

  it("is what was sent once the last mark is back", () => {
    const clock = new PlaybackClock();
    clock.sent(SECOND, 0);
    clock.marked(0, SECOND, 900);
    expect(clock.leadBytes(900)).toBe(0);
  });
});

describe("PlaybackClock: the network", () => {
  it("measures the round trip by a mark that leaves while the buffer is empty", () => {
    expect(measured(130).roundTripMs).toBe(130);
  });

  it("sends no second probe while one is under way, nor while marks are", () => {
    const clock = new PlaybackClock();
    expect(clock.probe(0)).toBe(true);
    expect(clock.probe(1)).toBe(false);
    clock.marked(0, 0, 100);
    clock.sent(800, 100);
    expect(clock.probe(150)).toBe(false);
    clock.marked(0, 800, 300);
    expect(clock.probe(310)).toBe(true);
  });

  it("places the phone where it is when what leaves now arrives", () => {
    // The echo of 400 ms comes after the round trip, those 400 ms, and a lag of 15 ms: a late
    // start.
    const clock = measured(120);
    clock.sent(2 * SECOND, 1000);
    clock.marked(0, 400 * BYTES_PER_MS, 1000 + 400 + 120 + 15);
    clock.marked(0, 640 * BYTES_PER_MS, 1000 + 640 + 120 + 15);
    expect(clock.playedOnArrivalBytes(2000)).toBe((1000 - 15) * BYTES_PER_MS);
  });

  it("tells what has been heard by now one way later", () => {
    const clock = measured(120);
    clock.sent(2 * SECOND, 1000);
    expect(clock.playedBytes(2000)).toBe((1000 - START_MS - 60) * BYTES_PER_MS);
    expect(clock.playedOnArrivalBytes(2000)).toBe((1000 - START_MS) * BYTES_PER_MS);
  });

  it("believes neither a single late echo nor a single fast one", () => {
    const clock = measured(100);
    clock.sent(4 * SECOND, 0);
    for (const [ms, extraMs] of [
      [240, 10],
      [480, 10],
      [720, 55],
      [960, 10],
      [1200, 8],
    ] as const)
      clock.marked(0, ms * BYTES_PER_MS, ms + 100 + extraMs);
    expect(clock.playedOnArrivalBytes(1500)).toBe(1490 * BYTES_PER_MS);
  });

  it("tells how much later than most an echo came", () => {
    const clock = measured(100);
    clock.sent(4 * SECOND, 0);
    const echo = (ms: number, extraMs: number): number =>
      clock.marked(0, ms * BYTES_PER_MS, ms + 100 + extraMs);
    echo(240, 10);
    echo(480, 10);
    expect(echo(720, 45)).toBe(35);
    expect(echo(960, 10)).toBe(0);
  });

  it("never takes the phone for ahead of the audio, however long the round trip looked", () => {
    const clock = measured(300);
    clock.sent(2 * SECOND, 1000);
    clock.marked(0, 240 * BYTES_PER_MS, 1000 + 240 + 120);
    clock.marked(0, 480 * BYTES_PER_MS, 1000 + 480 + 120);
    expect(clock.playedOnArrivalBytes(2000)).toBe(1000 * BYTES_PER_MS);
  });

  it("follows a phone that has stood still", () => {
    const clock = measured(100);
    clock.sent(6 * SECOND, 0);
    for (let ms = 240; ms <= 1200; ms += 240) clock.marked(0, ms * BYTES_PER_MS, ms + 110);
    for (let ms = 1440; ms <= 3600; ms += 240) clock.marked(0, ms * BYTES_PER_MS, ms + 190);
    expect(clock.playedOnArrivalBytes(4000)).toBe(3910 * BYTES_PER_MS);
  });

  it("is placed once the round trip was measured three times and the run has had an echo", () => {
    const clock = new PlaybackClock();
    for (const n of [0, 1, 2]) {
      expect(clock.placed).toBe(false);
      clock.probe(n * 5000);
      clock.marked(0, n * SECOND, n * 5000 + 100);
      clock.sent(SECOND, n * 5000 + 100);
      expect(clock.placed).toBe(false);
      clock.marked(0, n * SECOND + 4000, n * 5000 + 700);
      expect(clock.placed).toBe(n === 2);
      clock.marked(0, (n + 1) * SECOND, n * 5000 + 1200);
    }
  });
});

describe("PlaybackClock: generations", () => {
  it("takes no echo of before a clear for something heard", () => {
    const clock = measured(100);
    clock.sent(SECOND, 0);
    clock.clear();
    expect([clock.generation, clock.sentBytes, clock.confirmedBytes]).toEqual([1, 0, 0]);
    clock.sent(SECOND, 500);
    expect(clock.marked(0, 800, 550)).toBe(NOT_MEASURED);
    expect(clock.confirmedBytes).toBe(0);
  });

  it("ignores the echo of a probe that a clear overtook, and keeps the round trip", () => {
    const clock = measured(100);
    clock.probe(200);
    clock.clear();
    clock.marked(0, 0, 900);
    expect(clock.roundTripMs).toBe(100);
    expect(clock.probe(1000)).toBe(true);
  });

  it("ignores a mark behind audio that was never sent", () => {
    const clock = new PlaybackClock();
    clock.sent(800, 0);
    expect(clock.marked(0, 801, 50)).toBe(NOT_MEASURED);
    expect(clock.confirmedBytes).toBe(0);
  });
});
