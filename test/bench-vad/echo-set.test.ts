import { describe, expect, it } from "vitest";
import { Random } from "../../bench/random.js";
import { echoOf } from "../../bench/vad/echo-path.js";
import { echoTable, runEchoSet } from "../../bench/vad/echo-set.js";
import { syntheticPrompts } from "../../bench/vad/voice.js";
import { CallerVad } from "../../src/vad/caller-vad.js";
import { voices } from "./voices.js";

const CALLS = 25;

describe("a small echo set on the demo's voices", () => {
  const options = { half: "test", calls: CALLS, seed: 3, recordings: voices() } as const;

  it("finds callers detected over echo, and echo not taken for callers", {
    timeout: 30_000,
  }, () => {
    const result = runEchoSet(options);
    expect(result.echoOnly).toEqual({ calls: CALLS, held: expect.any(Number) });
    expect(result.echoOnly.held).toBeLessThanOrEqual(1);
    expect(result.doubleTalk.caught / result.doubleTalk.calls).toBeGreaterThanOrEqual(0.88);
    expect(result.doubleTalk.caughtP50Ms).toBeLessThanOrEqual(100);
    expect(echoTable(result)).toContain(`${result.doubleTalk.caught} of ${CALLS} caught`);
  });

  it("finds that a detector without the playout holds on nearly every call", {
    timeout: 30_000,
  }, () => {
    const deaf = () => {
      const detector = new CallerVad();
      return { hear: detector.hear.bind(detector), played: () => {} };
    };
    const { echoOnly } = runEchoSet(options, deaf);
    expect(echoOnly.held / echoOnly.calls).toBeGreaterThan(0.8);
  });
});

describe("an echo", () => {
  const rms = (samples: Float32Array) =>
    Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);

  it.each(["line", "room", "narrow", "distorted", "suppressed"] as const)(
    "of a %s comes as late and as loud as it was asked for",
    (kind) => {
      const [voice] = syntheticPrompts(1, 5);
      const played = new Float32Array(40_000);
      played.set(voice!.samples.subarray(0, 12_000), 8_000);
      const echo = echoOf(played, { kind, gainDb: -20, delayMs: 250 }, new Random(4));
      expect(20 * Math.log10(rms(echo) / rms(played))).toBeCloseTo(-20, 3);
      const first = played.findIndex((x) => x !== 0);
      const loudest = echo.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      expect(echo.subarray(0, first + 2_000).every((x) => Math.abs(x) < 1e-3 * loudest)).toBe(true);
    },
  );
});

it("makes the same stand-in voices for the same seed, half of them for either use", () => {
  const voices = syntheticPrompts(6, 9);
  expect(syntheticPrompts(6, 9)).toEqual(voices);
  expect(voices.filter(({ half }) => half === "dev")).toHaveLength(3);
  for (const { samples } of voices) expect(samples.some((x) => Math.abs(x) > 0.05)).toBe(true);
});
