import { describe, expect, it } from "vitest";
import {
  JitterQueue,
  KEPT_SAMPLES,
  MAX_SAMPLES,
  START_SAMPLES,
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
