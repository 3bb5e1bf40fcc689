/** The player of a call's sound, with a sound card that only has a clock. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { CallPlayer } from "../../console/call-player.js";
import { WavSource } from "../../console/wav-source.js";
import { makeWav } from "../fakes/make-wav.js";

const LENGTH_S = 25;
const START_MS = 1_000;
const FILE = makeWav(2, 8_000 * LENGTH_S, () => 0);

let clock = { currentTime: 0 };

class Card {
  destination = {};
  outputLatency = 0;
  baseLatency = 0;
  constructor() {
    clock = this as unknown as typeof clock;
  }
  currentTime = 0;
  getOutputTimestamp = () => ({});
  resume = async () => {};
  close = async () => {};
}
class Node {
  gain = { value: 1 };
  connect() {}
  start() {}
  stop() {}
  addEventListener() {}
}
class Samples {
  copyToChannel() {}
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("AudioContext", Card);
  vi.stubGlobal("GainNode", Node);
  vi.stubGlobal("AudioBufferSourceNode", Node);
  vi.stubGlobal("AudioBuffer", Samples);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Blocks of sound arrive when `arrive` is called. */
async function playerOf() {
  const waiting: (() => void)[] = [];
  let isHeld = false;
  const source = await WavSource.open(async (from, to) => {
    if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
    return Uint8Array.from(FILE.subarray(from, to + 1));
  });
  isHeld = true;
  const states: boolean[] = [];
  const player = new CallPlayer(source, START_MS, () => states.push(player.isWanted));
  const arrive = async () => {
    isHeld = false;
    for (const resolve of waiting.splice(0)) resolve();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { player, states, arrive };
}

it("is wanted from the request to play, before there is any sound", async () => {
  const { player, states, arrive } = await playerOf();
  void player.play(6_000);
  expect([player.isWanted, player.state, states]).toEqual([true, "paused", [true]]);
  // Another place is asked for while the first one is loading: only the latest is played.
  await vi.advanceTimersByTimeAsync(0);
  void player.play(16_000);
  await arrive();
  expect([player.isWanted, player.state, player.positionMs]).toEqual([true, "playing", 16_000]);
  clock.currentTime += 0.55;
  expect(player.positionMs).toBeCloseTo(16_500);
  player.pause();
  expect([player.isWanted, player.state]).toEqual([false, "paused"]);
  expect(player.positionMs).toBeCloseTo(16_500);
});

it("plays nothing when it was paused or closed while its sound was loading", async () => {
  for (const end of ["pause", "close"] as const) {
    const { player, arrive } = await playerOf();
    void player.play(6_000);
    await vi.advanceTimersByTimeAsync(0);
    player[end]();
    await arrive();
    expect([player.isWanted, player.state, player.positionMs]).toEqual([false, "paused", 6_000]);
  }
});

it("is wanted no longer when the sound is over, or cannot be read", async () => {
  const { player, arrive } = await playerOf();
  void player.play(25_000);
  await arrive();
  clock.currentTime += 2;
  await vi.advanceTimersByTimeAsync(2_000);
  expect([player.isWanted, player.positionMs]).toEqual([false, player.lengthMs]);

  const away = new WavSource((await WavSource.open(async () => Uint8Array.from(FILE))).format, () =>
    Promise.reject(new Error("away")),
  );
  const silent = new CallPlayer(away, START_MS, () => {});
  await silent.play(2_000);
  expect([silent.isWanted, silent.problem, silent.positionMs]).toEqual([false, "away", 2_000]);
});
