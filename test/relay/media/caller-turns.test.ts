import { describe, expect, it } from "vitest";
import type { ItemId } from "../../../src/domain/ids.js";
import { CallerTurns } from "../../../src/relay/media/caller-turns.js";
import { agent } from "../../fakes/call-bench.js";

const ITEM = "u1" as ItemId;
const { turnDetection } = agent();

function turns(lastSpeechMs = 500) {
  const done: string[] = [];
  const keep =
    (what: string) =>
    (...args: readonly unknown[]) =>
      void done.push([what, ...args.filter((arg) => typeof arg !== "object")].join(" "));
  const spoke = (item: ItemId, startedMs: number, endedMs: number | null) =>
    void done.push(`spoke ${item} ${startedMs} ${endedMs}`);
  const parts = new CallerTurns(
    { eventLog: { callerSpoke: spoke } as never },
    { session: { callerPaused: keep("paused") } as never },
    {
      modelHears: keep("hears"),
      sessionTimeMs: (audioMs) => 10_000 + audioMs,
      vad: { lastSpeechMs } as never,
    },
    { localHeard: keep("tuner local"), modelHeard: keep("tuner model") },
    { byLocalVad: keep("local barge-in"), byModel: keep("barge-in") },
  );
  return { parts, done };
}

describe("the caller's turns", () => {
  it("that the model hears interrupt the agent, and are recorded without the silence behind them", () => {
    const { parts, done } = turns();
    parts.heardByModel("started", ITEM, 100, turnDetection, 7);
    parts.heardByModel("stopped", ITEM, 2_100, turnDetection, 9);
    expect(done).toEqual([
      "hears true",
      "tuner model started",
      "barge-in 7",
      "spoke u1 10100 null",
      "hears false",
      "tuner model stopped",
      "spoke u1 10100 11600",
    ]);
  });

  it("that are typed interrupt like spoken ones", () => {
    const { parts, done } = turns();
    parts.typed(ITEM, 5);
    expect(done).toEqual(["barge-in 5", "spoke u1 5 5"]);
  });

  it("that local VAD hears hold the agent; only a real utterance makes the model due", () => {
    const { parts, done } = turns();
    parts.heardLocally("speech_started", 5);
    parts.heardLocally("speech_stopped", 9);
    expect(done).toEqual([
      "tuner local speech_started",
      "local barge-in 5",
      "tuner local speech_stopped",
      "paused",
    ]);
    const cough = turns(300);
    cough.parts.heardLocally("speech_stopped", 9);
    expect(cough.done).toEqual(["tuner local speech_stopped"]);
  });
});
