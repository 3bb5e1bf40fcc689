/** Cost of a frame for each detector, decoding included. All run alternately in one process. */
import { FRAME_BYTES } from "../../src/codec/frame.js";
import type { Detector } from "./detectors.js";
import type { Line } from "./lines.js";

const ROUNDS = 300;
const WARM_UP_ROUNDS = 30;
/** Under a millisecond: short enough to find a moment in which nothing else runs. */
const FRAMES_A_ROUND = 600;

export interface Cost {
  readonly name: string;
  /** Of the rounds: the fastest is the one that nothing else on the machine disturbed. */
  readonly fastestUs: number;
  readonly medianUs: number;
}

export function measureCosts(
  detectors: readonly Detector[],
  lines: readonly Line[],
  nowMs: () => number,
): Cost[] {
  const ulaw = joined(lines);
  const rounds = detectors.map((): number[] => []);
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    detectors.forEach((detector, d) => {
      const us = (timeMs(detector, ulaw, nowMs) * 1000) / FRAMES_A_ROUND;
      if (round >= 0) rounds[d]!.push(us);
    });
  }
  return detectors.map(({ name }, d) => {
    const sorted = rounds[d]!.sort((a, b) => a - b);
    return { name, fastestUs: sorted[0]!, medianUs: sorted[ROUNDS >> 1]! };
  });
}

function timeMs(detector: Detector, ulaw: Uint8Array, nowMs: () => number): number {
  detector.reset();
  const began = nowMs();
  for (let f = 0; f < FRAMES_A_ROUND; f++) detector.frame(ulaw, f * FRAME_BYTES);
  return nowMs() - began;
}

/** Twelve seconds made of pieces of all lines: speech, silence and every kind of noise. */
function joined(lines: readonly Line[]): Uint8Array {
  const ulaw = new Uint8Array(FRAMES_A_ROUND * FRAME_BYTES);
  const piece = Math.ceil(FRAMES_A_ROUND / lines.length) * FRAME_BYTES;
  lines.forEach(({ ulaw: whole, truth }, i) => {
    if (i * piece >= ulaw.length) return;
    const middle = (truth.length >> 1) * FRAME_BYTES;
    ulaw.set(whole.subarray(middle, middle + Math.min(piece, ulaw.length - i * piece)), i * piece);
  });
  return ulaw;
}
