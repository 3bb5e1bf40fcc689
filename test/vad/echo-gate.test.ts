import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Random } from "../../bench/random.js";
import { FRAME_BYTES, FRAME_MS } from "../../src/codec/frame.js";
import { encodeUlaw, ulawToLinear } from "../../src/codec/ulaw.js";
import { EchoGate } from "../../src/vad/echo-gate.js";
import { allocatedPerTurn } from "../fakes/allocation.js";

const clip = (name: string) =>
  readFileSync(new URL(`../../demo/assets/${name}.ulaw`, import.meta.url));
const agent = Buffer.concat([clip("agent-greeting"), clip("agent-answer")]);
const caller = clip("caller-problem");
const FRAMES = Math.floor(agent.length / FRAME_BYTES);
const LEAD_FRAMES = 8;

interface Line {
  readonly echoDb: number;
  readonly delayMs: number;
  /** The relay believes the phone to play so much later than it does. */
  readonly clockErrorMs?: number;
  readonly callerFromMs?: number;
  readonly seed?: number;
}

/** What the caller's microphone brings while the agent speaks from 0 ms on. */
function uplinkOf({ echoDb, delayMs, callerFromMs, seed = 1 }: Line): Uint8Array {
  const random = new Random(seed);
  const pcm = new Int16Array(FRAMES * FRAME_BYTES);
  const gain = 10 ** (echoDb / 20);
  const from = callerFromMs === undefined ? Number.POSITIVE_INFINITY : callerFromMs * 8;
  for (let i = 0; i < pcm.length; i++) {
    const echo = i >= delayMs * 8 ? gain * ulawToLinear[agent[i - delayMs * 8]!]! : 0;
    const said = i >= from ? (ulawToLinear[caller[i - from] ?? 0xff] ?? 0) : 0;
    pcm[i] = Math.max(-32768, Math.min(32767, echo + said + 12 * random.gauss()));
  }
  const ulaw = new Uint8Array(pcm.length);
  encodeUlaw(pcm, ulaw);
  return ulaw;
}

/** Verdicts by frame, of a VAD that takes everything for speech. */
function verdictsOf(line: Line, gate = new EchoGate(), beginMs = 0): boolean[] {
  const uplink = uplinkOf(line);
  return Array.from({ length: FRAMES }, (_, frame) => {
    // The first frames leave together, then one for each that is played.
    for (let ahead = frame === 0 ? 0 : frame + LEAD_FRAMES; ahead <= frame + LEAD_FRAMES; ahead++) {
      const at = ahead * FRAME_BYTES;
      if (ahead < FRAMES)
        gate.played(
          agent,
          at,
          at + FRAME_BYTES,
          beginMs + ahead * FRAME_MS + (line.clockErrorMs ?? 0),
        );
    }
    return gate.frame(uplink, frame * FRAME_BYTES, true, beginMs + (frame + 1) * FRAME_MS);
  });
}

const count = (verdicts: readonly boolean[]) => verdicts.filter(Boolean).length;

describe("echo alone", () => {
  it.each([
    { echoDb: -16, delayMs: 20 },
    { echoDb: -18, delayMs: 250, clockErrorMs: 60 },
    { echoDb: -25, delayMs: 120, clockErrorMs: -60 },
    { echoDb: -25, delayMs: 500 },
    { echoDb: -35, delayMs: 300 },
  ])(
    "is not the caller: $echoDb dB, $delayMs ms late, the clock off by $clockErrorMs ms",
    (line) => {
      expect(count(verdictsOf(line))).toBe(0);
    },
  );

  it("is not the caller when the phone begins the next turn 120 ms earlier than the one before", () => {
    const gate = new EchoGate();
    const line = { echoDb: -20, delayMs: 200 };
    expect(count(verdictsOf({ ...line, clockErrorMs: -60 }, gate))).toBe(0);
    expect(count(verdictsOf({ ...line, clockErrorMs: 60 }, gate, 60_000))).toBe(0);
  });
});

describe("the caller", () => {
  it.each([
    { echoDb: -16, delayMs: 100 },
    { echoDb: -25, delayMs: 400, clockErrorMs: 50 },
    { echoDb: -90, delayMs: 100 },
  ])("is detected over echo of $echoDb dB within 200 ms", (line) => {
    const verdicts = verdictsOf({ ...line, callerFromMs: 3_000 });
    expect(count(verdicts.slice(0, 150))).toBe(0);
    expect(count(verdicts.slice(150, 160))).toBeGreaterThanOrEqual(3);
  });

  it("is detected at once while nothing is played, and long afterwards", () => {
    const gate = new EchoGate();
    expect(gate.frame(caller, 1600, true, 20)).toBe(true);
    gate.played(agent, 0, 1600, 40);
    expect(gate.frame(caller, 1600, true, 2_000)).toBe(true);
  });

  it("is never detected where the VAD finds no speech", () => {
    const gate = new EchoGate();
    expect(gate.frame(caller, 1600, false, 20)).toBe(false);
    gate.played(agent, 0, 8000, 40);
    expect(gate.frame(caller, 1600, false, 60)).toBe(false);
  });

  it("is detected at once after a clear: audio that is not played has no echo", () => {
    // A whole second of the agent's voice as the uplink, at its own level and in its own time: an
    // echo, were it played.
    const heard = (cleared: boolean) => {
      const gate = new EchoGate();
      const uplink = uplinkOf({ echoDb: -20, delayMs: 0 });
      gate.played(agent, 0, 16_000, 1_000);
      if (cleared) gate.cleared(100);
      return Array.from({ length: 50 }, (_, f) =>
        gate.frame(uplink, f * FRAME_BYTES, true, 1_020 + f * 20),
      );
    };
    expect(count(heard(false))).toBe(0);
    expect(count(heard(true))).toBe(50);
  });
});

it("knows when the echo comes, too, after quiet frames of which most were left out", () => {
  const gate = new EchoGate();
  const quiet = new Uint8Array(FRAME_BYTES).fill(0xff);
  gate.frame(quiet, 0, false, FRAME_MS);
  const leftOut = 3;
  // So few that a clock which did not count them would not have been set anew.
  for (let n = 1; n <= 3; n++)
    gate.frame(quiet, 0, false, FRAME_MS + n * (leftOut + 1) * FRAME_MS, leftOut);
  expect(count(verdictsOf({ echoDb: -16, delayMs: 20 }, gate, 13 * FRAME_MS))).toBe(0);
});

it("forgets the line on reset", () => {
  const gate = new EchoGate();
  const line = { echoDb: -20, delayMs: 300, callerFromMs: 2_000 };
  const first = verdictsOf(line, gate);
  gate.reset();
  expect(verdictsOf(line, gate)).toEqual(first);
});

it("costs no memory", () => {
  const gate = new EchoGate();
  const uplink = uplinkOf({ echoDb: -20, delayMs: 200 });
  let frame = 0;
  const run = (frames: number) => {
    for (const last = frame + frames; frame < last; frame++) {
      const at = (frame % FRAMES) * FRAME_BYTES;
      gate.played(agent, at, at + FRAME_BYTES, frame * FRAME_MS);
      gate.frame(uplink, at, true, (frame + 1) * FRAME_MS);
    }
  };
  run(30_000);
  expect(allocatedPerTurn(10_000, 4, run)).toBeLessThan(4);
});
