import { describe, expect, it } from "vitest";
import {
  IN_TIME_SAMPLES,
  JitterQueue,
  KEPT_SAMPLES,
  LATE_SAMPLES,
  MAX_SAMPLES,
  PATIENT_WINDOWS,
  START_SAMPLES,
  WINDOW_SAMPLES,
} from "../../console/jitter-queue.js";
import { linearToUlaw, ULAW_TO_LINEAR } from "../../console/ulaw.js";
import { encodeUlaw, ulawToLinear } from "../../src/codec/ulaw.js";

describe("mu-law in the console", () => {
  it("decodes every byte as the relay does", () => {
    expect([...ULAW_TO_LINEAR]).toEqual([...ulawToLinear]);
  });

  it("encodes every decoded value to itself, and all others to a neighbour", () => {
    for (let byte = 0; byte < 256; byte++) {
      const again = linearToUlaw(ULAW_TO_LINEAR[byte]!);
      expect(ULAW_TO_LINEAR[again]).toBe(ULAW_TO_LINEAR[byte]);
    }
    const samples = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);
    const relays = new Uint8Array(samples.length);
    encodeUlaw(samples, relays);
    for (const [i, sample] of samples.entries()) {
      const step = Math.abs(ULAW_TO_LINEAR[linearToUlaw(sample)]! - ulawToLinear[relays[i]!]!);
      expect(step).toBeLessThanOrEqual(1_024);
    }
  });
});

describe("the jitter queue", () => {
  const block = (from: number, length: number) =>
    Int16Array.from({ length }, (_, i) => (from + i) % 30_000);
  const take = (queue: JitterQueue, length: number) => {
    const out = new Float32Array(length);
    queue.take(out);
    return [...out].map((sample) => Math.round(sample * 32_768));
  };

  it("waits until enough is there, then plays all in order", () => {
    const queue = new JitterQueue();
    queue.push(block(1, START_SAMPLES - 1));
    expect(take(queue, 4)).toEqual([0, 0, 0, 0]);
    queue.push(block(START_SAMPLES, 10));
    const played = take(queue, START_SAMPLES + 9);
    expect(played).toEqual([...block(1, START_SAMPLES + 9)]);
    // It ran dry, and collects again.
    expect(take(queue, 2)).toEqual([0, 0]);
    queue.push(block(1, 10));
    expect(take(queue, 2)).toEqual([0, 0]);
  });

  it("plays the short end of a sentence after the same wait", () => {
    const queue = new JitterQueue();
    queue.push(block(1, 3));
    expect(take(queue, START_SAMPLES - 1)).toEqual(Array(START_SAMPLES - 1).fill(0));
    expect(take(queue, 4)).toEqual([1, 2, 3, 0]);
  });

  describe("that has got late", () => {
    const MESSAGE = 480;
    const STEP = 160;
    /** A line that goes on: each message is louder than `QUIET` or not, as `isLoud` says of its number. */
    function line(isLoud: (message: number) => boolean) {
      const queue = new JitterQueue();
      let pushed = 0;
      let taken = 0;
      const played: number[] = [];
      const push = () => {
        const message = pushed / MESSAGE;
        queue.push(new Int16Array(MESSAGE).fill(isLoud(message) ? 1_000 + message : 1));
        pushed += MESSAGE;
      };
      /** Plays for so long, while as much arrives. */
      const run = (samples: number) => {
        for (let at = 0; at < samples; at += STEP) {
          taken += STEP;
          while (pushed + MESSAGE <= taken) push();
          played.push(...take(queue, STEP));
        }
      };
      /** What arrived is not played meanwhile. */
      const stall = (samples: number) => {
        taken += samples;
        while (pushed + MESSAGE <= taken) push();
      };
      /** How far behind the newest message playback is now. */
      const late = () => {
        const last = Math.max(...played.slice(-MESSAGE)) - 1_000;
        return pushed - (last + 1) * MESSAGE;
      };
      return { queue, run, stall, late, played };
    }

    it("skips pauses until it is in time again, and never a word", () => {
      const isLoud = (message: number) => message % 4 !== 0;
      const { run, stall, late, played } = line(isLoud);
      run(2 * WINDOW_SAMPLES);
      const before = late();
      stall(6_000);
      run(WINDOW_SAMPLES / 4);
      expect(late()).toBeGreaterThan(5_000);
      run(3 * WINDOW_SAMPLES);
      expect(late()).toBeLessThanOrEqual(before + LATE_SAMPLES);
      expect(late()).toBeLessThan(2_000);
      const words = new Set(played.filter((sample) => sample > 1_000));
      const heard = Math.max(...words) - 1_000;
      expect(words.size).toBe(Array.from({ length: heard + 1 }, (_, n) => n).filter(isLoud).length);
    });

    it("skips speech when there is no pause for long", () => {
      const { run, stall, late } = line(() => true);
      run(WINDOW_SAMPLES);
      stall(6_000);
      run((PATIENT_WINDOWS - 1) * WINDOW_SAMPLES);
      expect(late()).toBeGreaterThan(5_000);
      run(3 * WINDOW_SAMPLES);
      expect(late()).toBeLessThan(IN_TIME_SAMPLES + 2 * MESSAGE);
    });

    it("is not late by what the relay is ahead of the phone", () => {
      const ahead = 3_200;
      const afterStall = (samples: number) => {
        const { queue, run, stall, late } = line(() => true);
        queue.ahead(samples);
        run(WINDOW_SAMPLES);
        stall(ahead);
        run((PATIENT_WINDOWS + 3) * WINDOW_SAMPLES);
        return late();
      };
      expect(afterStall(ahead)).toBeGreaterThan(ahead);
      expect(afterStall(0)).toBeLessThan(ahead);
    });
  });

  it("forgets what the phone dropped", () => {
    const queue = new JitterQueue();
    queue.push(block(1, START_SAMPLES));
    expect(take(queue, 1)).toEqual([1]);
    queue.clear();
    expect(take(queue, 2)).toEqual([0, 0]);
  });

  it("is in time again after a page was asleep: of what has piled up only the newest is played", () => {
    const queue = new JitterQueue();
    for (let at = 1; at <= MAX_SAMPLES + 1_000; at += 400) queue.push(block(at, 400));
    const [first = 0] = take(queue, 1);
    const last = MAX_SAMPLES + 1_000;
    expect(last - first).toBeLessThan(KEPT_SAMPLES + 1_000);
    expect(last - first).toBeGreaterThan(KEPT_SAMPLES - 1_000);
    expect(take(queue, 400).slice(0, 2)).toEqual([first + 1, first + 2]);
  });

  it("plays all of what has piled up less", () => {
    const queue = new JitterQueue();
    for (let at = 1; at < MAX_SAMPLES; at += 400) queue.push(block(at, 400));
    expect(take(queue, 1)).toEqual([1]);
  });
});
