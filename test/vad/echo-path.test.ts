import { describe, expect, it } from "vitest";
import { Random } from "../../bench/random.js";
import { EchoPath } from "../../src/vad/echo-path.js";
import { ENVELOPE_BANDS, WHOLE_BAND } from "../../src/vad/envelope.js";
import { PlayedEnvelope } from "../../src/vad/played-envelope.js";
import { recordedSpeech } from "./signals.js";

const FRAME_STEPS = 2;
const speech = recordedSpeech();
const STEPS = 300;

/** Playout of recorded speech from step 0 on, and a path that has learnt its echo. */
function learnt(coupling: number, delaySteps: number): { path: EchoPath; played: PlayedEnvelope } {
  const played = new PlayedEnvelope();
  const path = new EchoPath(played);
  const random = new Random(1);
  played.played(speech, 0, STEPS * 80, 0);
  for (let step = 40; step < STEPS; step += FRAME_STEPS) {
    if (!path.turnTo(step)) continue;
    path.learn(levelsAt(played, step - delaySteps, coupling, random), true);
  }
  return { path, played };
}

function levelsAt(
  played: PlayedEnvelope,
  step: number,
  coupling: number,
  random: Random,
): Float32Array {
  return Float32Array.from({ length: ENVELOPE_BANDS }, (_, band) =>
    Math.max(-70, played.loudestDbov(band, step) + coupling + random.between(-1, 1)),
  );
}

function expectedAt(path: EchoPath, step: number): Float32Array {
  const out = new Float32Array(WHOLE_BAND);
  path.turnTo(step);
  path.expect(out);
  return out;
}

describe("EchoPath", () => {
  it("expects no echo where nothing loud was played", () => {
    const path = new EchoPath(new PlayedEnvelope());
    expect(path.turnTo(50)).toBe(false);
  });

  it("expects as much echo as it has learnt", () => {
    const { path, played } = learnt(-24, 10);
    const random = new Random(2);
    const errors: number[] = [];
    for (let step = 200; step < STEPS; step += FRAME_STEPS) {
      const echo = levelsAt(played, step - 10, -24, random);
      const expected = expectedAt(path, step);
      for (let band = 0; band < WHOLE_BAND; band++)
        if (echo[band]! > -55) errors.push(echo[band]! - expected[band]!);
    }
    // It may expect more than there is, but hardly ever less.
    expect(errors.filter((error) => error > 3).length / errors.length).toBeLessThan(0.05);
  });

  it("expects little of a line without echo, and up to −14 dB before it knows", () => {
    const { path: silent } = learnt(-60, 10);
    const fresh = new EchoPath(learnt(-60, 10).played);
    const step = 250;
    const loudest = (levels: Float32Array): number => Math.max(...levels);
    expect(loudest(expectedAt(silent, step))).toBeLessThan(loudest(expectedAt(fresh, step)) - 10);
  });

  it("forgets the line on reset", () => {
    const { path, played } = learnt(-60, 10);
    path.reset();
    expect(expectedAt(path, 250)).toEqual(expectedAt(new EchoPath(played), 250));
  });
});
