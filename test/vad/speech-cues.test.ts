import { beforeEach, describe, expect, it } from "vitest";
import { FRAME_BYTES } from "../../src/codec/frame.js";
import { octavesToDbov } from "../../src/vad/power-log.js";
import {
  CUE_STATE,
  CUES,
  computeCues,
  cues,
  EARLIER_SCORE_CUE,
  floorOf,
  levelOf,
  recallScores,
  rememberScore,
  resetCues,
  scoreOf,
} from "../../src/vad/speech-cues.js";
import { signal, whiteNoise } from "./signals.js";

const LEVEL_CUE = 14;
const OVER_FLOOR_CUE = 15;
const PERIODIC_CUE = 22;

const state = new Float64Array(CUE_STATE);

const noise = (seconds: number, rms: number): Uint8Array => whiteNoise(seconds * 8000, rms, 7);

/** Fundamental and overtones, as a voice has them. */
function voice(seconds: number, hz: number): Uint8Array {
  const at = (i: number, n: number): number => Math.sin((2 * Math.PI * hz * n * i) / 8000) / n;
  return signal(seconds * 8000, (i) => 5000 * (at(i, 1) + at(i, 2) + at(i, 3)));
}

function hear(ulaw: Uint8Array): void {
  for (let at = 0; at + FRAME_BYTES <= ulaw.length; at += FRAME_BYTES) computeCues(ulaw, at, state);
}

beforeEach(() => resetCues(state));

describe("computeCues", () => {
  it("fills all cues with finite numbers, whatever the bytes", () => {
    hear(Uint8Array.from({ length: 50 * FRAME_BYTES }, (_, i) => (i * 197 + (i >> 3)) & 0xff));
    expect(cues).toHaveLength(CUES);
    expect(cues.every(Number.isFinite)).toBe(true);
  });

  it("measures the level of the frame, and how far it is over the noise floor", () => {
    hear(noise(3, 100));
    hear(noise(0.02, 3000));
    expect(cues[LEVEL_CUE]).toBe(levelOf(state));
    expect(cues[OVER_FLOOR_CUE]).toBeCloseTo(levelOf(state) - floorOf(state), 9);
    expect(octavesToDbov(levelOf(state))).toBeGreaterThan(octavesToDbov(floorOf(state)) + 20);
  });

  it("lets the noise floor fall at once, and rise by about 3 dB a second under speech", () => {
    hear(noise(4, 1000));
    const loud = octavesToDbov(floorOf(state));
    hear(noise(0.3, 30));
    const quiet = octavesToDbov(floorOf(state));
    expect(quiet).toBeLessThan(loud - 20);
    // Loud and soft by turns, as syllables are.
    for (let i = 0; i < 10; i++) hear(i % 2 === 0 ? noise(0.1, 3000) : noise(0.1, 600));
    expect(octavesToDbov(floorOf(state)) - quiet).toBeLessThan(5);
  });

  it("finds a voice's pitch periodic, and noise not", () => {
    hear(voice(1, 125));
    const voiced = cues[PERIODIC_CUE]!;
    resetCues(state);
    hear(noise(1, 2000));
    expect(voiced).toBeGreaterThan(28);
    expect(cues[PERIODIC_CUE]).toBeLessThan(25);
  });
});

describe("rememberScore", () => {
  it("keeps the score itself, and smooths it for the cues, within limits", () => {
    rememberScore(state, 40);
    expect(scoreOf(state)).toBe(40);
    recallScores(state);
    expect(cues[EARLIER_SCORE_CUE]).toBeCloseTo(0.3 * 5, 9);
    expect(cues[EARLIER_SCORE_CUE + 1]).toBeCloseTo(0.03 * 5, 9);
    for (let i = 0; i < 500; i++) rememberScore(state, -40);
    recallScores(state);
    expect(cues[EARLIER_SCORE_CUE]).toBeCloseTo(-5, 3);
  });
});

describe("resetCues", () => {
  it("forgets the line", () => {
    const fresh = Float64Array.from(state);
    hear(noise(2, 3000));
    rememberScore(state, 3);
    resetCues(state);
    expect(state).toEqual(fresh);
  });
});
