import { beforeEach, describe, expect, it } from "vitest";
import { ThresholdTuner } from "../../src/vad/threshold-tuner.js";
import { TurnWatch } from "../../src/vad/turn-watch.js";

const SILENCE_MS = 500;
let told: string[] = [];

class Told extends ThresholdTuner {
  override callerPaused(ms: number): void {
    told.push(`paused ${ms}`);
  }
  override heardNothing(): void {
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
    const ears = watch();
    ears.localStarted(1_000);
    ears.serverStarted(1_120);
    ears.localStopped(3_000);
    ears.serverStopped(3_560, SILENCE_MS);
    expect(told).toEqual(["ended 60"]);
    expect(ears.betweenTurns).toBe(true);
  });

  it("knows a pause from an end: the server's turn is still open, or the caller goes on at once", () => {
    const ears = watch();
    ears.localStarted(0);
    ears.serverStarted(100);
    ears.localStopped(1_000);
    ears.localStarted(1_400);
    ears.localStopped(2_000);
    ears.serverStopped(2_520, SILENCE_MS);
    ears.localStarted(2_700);
    expect(told).toEqual(["paused 400", "ended 20", "paused 700"]);
  });

  it("takes an answered caller who speaks again for a new turn", () => {
    const ears = watch();
    ears.localStarted(0);
    ears.serverStarted(100);
    ears.localStopped(1_000);
    ears.serverStopped(1_520, SILENCE_MS);
    ears.agentSpoke(1_900);
    ears.localStarted(2_200);
    expect(told).toEqual(["ended 20"]);
  });

  it("notices words that the server missed, and lets an uh-huh pass", () => {
    const ears = watch();
    ears.localStarted(0);
    ears.localStopped(280);
    ears.localStarted(5_000);
    ears.localStopped(5_800);
    expect(told).toEqual(["missed"]);
  });

  it("notices turns of noise, and turns that noise does not let end, once for each setting", () => {
    const ears = watch();
    ears.serverStarted(1_000);
    ears.serverStopped(2_000, SILENCE_MS);
    expect(told).toEqual(["nothing"]);
    told = [];
    ears.localStarted(10_000);
    ears.serverStarted(10_100);
    ears.localStopped(11_000);
    ears.look(13_900, SILENCE_MS);
    expect(told).toEqual([]);
    expect(ears.betweenTurns).toBe(false);
    ears.look(14_000, SILENCE_MS);
    ears.look(15_000, SILENCE_MS);
    expect(told).toEqual(["ended 2500", "ended 2500"]);
    expect(ears.betweenTurns).toBe(true);
    ears.settingsChanged(15_000);
    ears.look(15_900, SILENCE_MS);
    expect(told).toHaveLength(2);
    ears.look(16_300, SILENCE_MS);
    expect(told).toHaveLength(4);
  });
});
