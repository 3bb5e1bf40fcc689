import { beforeEach, describe, expect, it } from "vitest";
import { ThresholdTuner } from "../../src/vad/threshold-tuner.js";
import { TurnWatch } from "../../src/vad/turn-watch.js";

const SILENCE_MS = 500;
let told: string[] = [];

class Told extends ThresholdTuner {
  override callerPaused(ms: number): void {
    told.push(`paused ${ms}`);
  }
  override falseTurn(): void {
    told.push("nothing");
  }
  override missed(): void {
    told.push("missed");
  }
  override turnEnded(lateMs: number): void {
    told.push(`ended ${lateMs}`);
  }
}

function watch(): TurnWatch {
  return new TurnWatch(
    new Told({ threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs: SILENCE_MS }),
  );
}

beforeEach(() => {
  told = [];
});

describe("TurnWatch", () => {
  it("tells how late the server noticed the end of a turn", () => {
    const turns = watch();
    turns.localStarted(1_000);
    turns.serverStarted(1_120);
    turns.localStopped(3_000);
    turns.serverStopped(3_560, SILENCE_MS);
    expect(told).toEqual(["ended 60"]);
    expect(turns.betweenTurns).toBe(true);
  });

  it("knows a pause from an end: the server's turn is still open, or the caller goes on at once", () => {
    const turns = watch();
    turns.localStarted(0);
    turns.serverStarted(100);
    turns.localStopped(1_000);
    turns.localStarted(1_400);
    turns.localStopped(2_000);
    turns.serverStopped(2_520, SILENCE_MS);
    turns.localStarted(2_700);
    expect(told).toEqual(["paused 400", "ended 20", "paused 700"]);
  });

  it("takes an answered caller who speaks again for a new turn", () => {
    const turns = watch();
    turns.localStarted(0);
    turns.serverStarted(100);
    turns.localStopped(1_000);
    turns.serverStopped(1_520, SILENCE_MS);
    turns.agentSpoke(1_900);
    turns.localStarted(2_200);
    expect(told).toEqual(["ended 20"]);
  });

  it("notices words that the server missed, and lets an uh-huh pass", () => {
    const turns = watch();
    turns.localStarted(0);
    turns.localStopped(280);
    turns.localStarted(5_000);
    turns.localStopped(5_800);
    expect(told).toEqual(["missed"]);
  });

  it("notices turns of noise, and turns that noise does not let end, once for each setting", () => {
    const turns = watch();
    turns.serverStarted(1_000);
    turns.serverStopped(2_000, SILENCE_MS);
    expect(told).toEqual(["nothing"]);
    told = [];
    turns.localStarted(10_000);
    turns.serverStarted(10_100);
    turns.localStopped(11_000);
    turns.check(13_900, SILENCE_MS);
    expect(told).toEqual([]);
    expect(turns.betweenTurns).toBe(false);
    turns.check(14_000, SILENCE_MS);
    turns.check(15_000, SILENCE_MS);
    expect(told).toEqual(["ended 2500", "ended 2500"]);
    expect(turns.betweenTurns).toBe(true);
    turns.settingsChanged(15_000);
    turns.check(15_900, SILENCE_MS);
    expect(told).toHaveLength(2);
    turns.check(16_300, SILENCE_MS);
    expect(told).toHaveLength(4);
  });
});
