import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TurnTiming, voiceToVoiceMs } from "../../../src/relay/call/turn-timing.js";

describe("the parts of a voice-to-voice time", () => {
  it("are the end of the turn and the model, when nothing else happens", () => {
    const timing = new TurnTiming();
    timing.callerStopped(1_000, 1_520);
    timing.audioArrived(1_900);
    expect(timing.answered(1_900)).toEqual({
      endOfTurnMs: 520,
      modelMs: 380,
      toolMs: 0,
      relayMs: 0,
    });
  });

  it("leave a tool's time out of the model's", () => {
    const timing = new TurnTiming();
    timing.callerStopped(1_000, 1_500);
    timing.toolsBegan(1_700);
    timing.toolsEnded(2_700);
    timing.audioArrived(3_000);
    expect(timing.answered(3_040)).toEqual({
      endOfTurnMs: 500,
      modelMs: 500,
      toolMs: 1_000,
      relayMs: 40,
    });
  });

  it("count tools that run at the same time once", () => {
    const timing = new TurnTiming();
    timing.callerStopped(0, 0);
    timing.toolsBegan(100);
    timing.toolsBegan(200);
    timing.toolsEnded(300);
    timing.toolsEnded(500);
    timing.audioArrived(600);
    expect(timing.answered(600)).toMatchObject({ toolMs: 400, modelMs: 200 });
  });

  it("count a tool that was running before from the end of the turn only", () => {
    const timing = new TurnTiming();
    timing.toolsBegan(100);
    timing.callerStopped(900, 1_000);
    timing.toolsEnded(1_300);
    timing.audioArrived(1_400);
    expect(timing.answered(1_400)).toMatchObject({ endOfTurnMs: 100, toolMs: 300, modelMs: 100 });
  });

  it("blame a tool that outlasts the answer for nothing", () => {
    const timing = new TurnTiming();
    timing.callerStopped(0, 0);
    timing.toolsBegan(100);
    timing.audioArrived(200);
    timing.toolsEnded(250);
    expect(timing.answered(300)).toEqual({
      endOfTurnMs: 0,
      modelMs: 100,
      toolMs: 100,
      relayMs: 100,
    });
  });

  it("count from the last time that the caller stopped", () => {
    const timing = new TurnTiming();
    timing.callerStopped(0, 500);
    timing.audioArrived(600);
    timing.callerStopped(2_000, 2_500);
    timing.audioArrived(2_800);
    expect(timing.answered(2_800)).toMatchObject({ endOfTurnMs: 500, modelMs: 300 });
  });

  it("are none for an answer to nothing, and for the second item of an answer", () => {
    const timing = new TurnTiming();
    timing.audioArrived(100);
    expect(timing.answered(100)).toBeNull();
    timing.callerStopped(200, 200);
    expect(timing.answered(300)).not.toBeNull();
    expect(timing.answered(900)).toBeNull();
  });

  it("forget the tools of a model that is gone", () => {
    const timing = new TurnTiming();
    timing.callerStopped(0, 0);
    timing.toolsBegan(100);
    timing.toolsForgotten(300);
    timing.toolsEnded(800);
    timing.audioArrived(1_000);
    expect(timing.answered(1_000)).toMatchObject({ toolMs: 200, modelMs: 800 });
  });

  it("add up, and none is negative, whatever happens in whatever order", () => {
    const what = fc.constantFrom(
      "toolsBegan",
      "toolsEnded",
      "toolsForgotten",
      "audioArrived",
      "callerStopped",
    );
    const happenings = fc.array(fc.record({ what, afterMs: fc.nat(1_000) }), { maxLength: 30 });
    fc.assert(
      fc.property(happenings, (list) => {
        const timing = new TurnTiming();
        let nowMs = 0;
        let stoppedMs: number | null = null;
        for (const one of list) {
          nowMs += one.afterMs;
          if (one.what === "callerStopped") {
            stoppedMs = Math.max(0, nowMs - 300);
            timing.callerStopped(stoppedMs, nowMs);
          } else timing[one.what](nowMs);
        }
        nowMs += 50;
        const parts = timing.answered(nowMs);
        if (stoppedMs === null || parts === null) return parts === null;
        return (
          voiceToVoiceMs(parts) === nowMs - stoppedMs && Object.values(parts).every((ms) => ms >= 0)
        );
      }),
    );
  });
});
