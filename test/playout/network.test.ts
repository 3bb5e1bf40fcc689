/**
 * Promises D2, D3 and D4: playout over a network with delay and jitter. Each row is an hour of
 * simulated calls, the same in every run.
 */
import { describe, expect, it } from "vitest";
import type { JitterKind } from "../../bench/load/link.js";
import { FarCall } from "../fakes/far-call.js";

const LEAD_MS = 160;
const FRAME_MS = 20;
const CALLS = 60;
const TURNS = 6;

interface Outcome {
  readonly underruns: number;
  readonly maxLeadMs: number;
  /** Absolute errors of `audio_end_ms`, in ascending order. */
  readonly errorsMs: readonly number[];
}

/** Calls of six answers each, of which the caller interrupts more than half. */
function play(delayMs: number, jitterMs: number, kind: JitterKind): Outcome {
  const errorsMs: number[] = [];
  let underruns = 0;
  let maxLeadMs = 0;
  for (let n = 1; n <= CALLS; n++) {
    const call = new FarCall(LEAD_MS, { delayMs, jitterMs, kind }, n * 13 + delayMs + jitterMs);
    for (let turn = 0; turn < TURNS; turn++) turnOf(call, 2 * (delayMs + jitterMs));
    underruns += call.underruns;
    maxLeadMs = Math.max(maxLeadMs, call.maxLeadMs);
    errorsMs.push(...call.interruptions.map(({ errorMs }) => Math.abs(errorMs)));
  }
  return { underruns, maxLeadMs, errorsMs: errorsMs.sort((a, b) => a - b) };
}

function turnOf(call: FarCall, settleMs: number): void {
  const { random } = call;
  call.run(random.within([300, 1500]));
  const answerMs = random.within([1500, 7000]);
  call.answer(answerMs);
  if (random.chance(0.6)) {
    call.run(random.within([300, answerMs - 200]));
    call.interrupt();
    call.run(700 + settleMs);
  } else call.run(answerMs + 800 + settleMs);
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN;
}

const DELAYS = [0, 20, 60, 120, 150];

describe("playout over a network that holds messages and then delivers them at once", () => {
  const networks = DELAYS.flatMap((delayMs) => [0, 20, 60].map((jitterMs) => [delayMs, jitterMs]));

  it.each(networks)(
    "keeps its promises with %i ms one way and %i ms of jitter",
    (delay, jitter) => {
      const { underruns, maxLeadMs, errorsMs } = play(delay!, jitter!, "bursts");
      expect(underruns).toBe(0);
      expect(maxLeadMs).toBeLessThanOrEqual(LEAD_MS + jitter! + FRAME_MS);
      expect(errorsMs.length).toBeGreaterThan(150);
      expect(quantile(errorsMs, 0.5)).toBeLessThanOrEqual(10);
      expect(quantile(errorsMs, 0.99)).toBeLessThanOrEqual(20 + jitter! / 2);
    },
  );
});

/**
 * Here every message, the `clear` as well, has a delay of its own. The best guess of a delay
 * between 0 and J is J / 2, and half of the time it is off by more than J / 4. No account that is
 * given when the `clear` leaves can be better.
 */
describe("playout over a network that delays every message by another time", () => {
  const networks = DELAYS.flatMap((delayMs) => [20, 60].map((jitterMs) => [delayMs, jitterMs]));

  it.each(networks)("leaves no gap with %i ms one way and up to %i ms more", (delay, jitter) => {
    const { underruns, maxLeadMs, errorsMs } = play(delay!, jitter!, "each");
    expect(underruns).toBe(0);
    expect(maxLeadMs).toBeLessThanOrEqual(LEAD_MS + jitter! + 3 * FRAME_MS);
    expect(quantile(errorsMs, 0.5)).toBeLessThanOrEqual(5 + jitter! / 4);
    expect(quantile(errorsMs, 0.99)).toBeLessThanOrEqual(10 + jitter!);
  });
});

describe("the account of a single interruption", () => {
  it("tells what the phone has played when the clear arrives, not when it left", () => {
    const call = new FarCall(LEAD_MS, { delayMs: 120, jitterMs: 0, kind: "bursts" }, 1);
    call.answer(5000);
    call.run(3000);
    call.interrupt();
    call.run(500);
    const errorMs = call.interruptions[0]?.errorMs ?? Number.NaN;
    expect(Math.abs(errorMs)).toBeLessThanOrEqual(10);
  });

  it("is right before any echo has come", () => {
    const call = new FarCall(LEAD_MS, { delayMs: 150, jitterMs: 0, kind: "bursts" }, 2);
    call.answer(5000);
    call.run(200);
    expect(call.playout.roundTripMs).toBe(0);
    call.interrupt();
    call.run(500);
    const errorMs = call.interruptions[0]?.errorMs ?? Number.NaN;
    expect(Math.abs(errorMs)).toBeLessThanOrEqual(10);
  });

  it("measures the round trip with the first mark of a run", () => {
    const call = new FarCall(LEAD_MS, { delayMs: 60, jitterMs: 0, kind: "bursts" }, 3);
    call.answer(1000);
    call.run(400);
    expect(call.playout.roundTripMs).toBeCloseTo(120, -1);
  });
});
