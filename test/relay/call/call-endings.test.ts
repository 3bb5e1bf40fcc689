import { describe, expect, it } from "vitest";
import {
  ARRIVED,
  depart,
  end,
  endAtOnce,
  ended,
  fallback,
  handOver,
  stay,
} from "../../../src/relay/call/call-endings.js";
import type { Effect, Step } from "../../../src/relay/call/call-events.js";

const REQUEST = {
  destination: "desk",
  reason: null,
  summary: null,
  urgency: null,
  by: "agent",
} as const;

/** Effects with what tells them apart. */
const told = ({ effects }: Step) =>
  effects.map((effect: Effect) => {
    if (effect.do === "release_model") return `release_model ${effect.why}`;
    if (effect.do === "close_line") return `close_line ${effect.how}`;
    return effect.do === "disarm" ? `disarm ${effect.timer}` : effect.do;
  });

describe("the endings of a call", () => {
  it.each<[string, Step, string, readonly string[]]>([
    [
      "a transfer: the model goes, the caller waits for a person",
      handOver(REQUEST, ARRIVED, false),
      "handing_over",
      ["disarm claim", "disarm arrival", "release_model transfer", "await_person", "hand_over"],
    ],
    [
      "a transfer during which the model keeps the caller company",
      handOver(REQUEST, [], true),
      "handing_over",
      ["await_person", "hand_over"],
    ],
    [
      "the fallback destination",
      fallback("upstream_closed", ARRIVED),
      "handing_over",
      ["disarm claim", "disarm arrival", "release_model failure", "fall_back"],
    ],
    [
      "an end: only our side of the stream is closed, and transcripts are awaited",
      end("abandoned", "caller_hung_up", "hang_up", ARRIVED),
      "closing",
      ["disarm claim", "disarm arrival", "close_line stream_only", "await_transcripts"],
    ],
    [
      "an end at once, without transcripts",
      endAtOnce("failed", "internal", "fallback", []),
      "ended",
      ["close_line stream_only", "disarm transcripts", "release_model end", "finish"],
    ],
    [
      "the end of everything",
      ended({ outcome: "completed", reason: "x", next: "hang_up" }),
      "ended",
      ["disarm transcripts", "release_model end", "finish"],
    ],
    ["nothing", stay({ name: "talking" }), "talking", []],
  ])("%s", (_, step, state, effects) => {
    expect([step.state.name, told(step)]).toEqual([state, effects]);
  });

  it("say why the agent failed, and whether Twilio asks what follows", () => {
    expect(fallback("stream_broke", [], true)).toMatchObject({
      state: { failure: "stream_broke" },
      effects: [{}, { reason: "stream_broke", asked: true }],
    });
    expect(fallback("x", []).effects.at(-1)).toMatchObject({ asked: false });
  });
});

describe("depart", () => {
  it.each([
    [{ kind: "transfer", request: REQUEST, farewell: "ask" }, "handing_over", "hand_over"],
    [{ kind: "fallback", code: "upstream_account" }, "handing_over", "fall_back"],
    [{ kind: "end", reason: "agent", farewell: "play" }, "closing", "close_line hang_up"],
  ] as const)("goes where the caller is to go: %j", (disposition, state, effect) => {
    const step = depart(disposition, [{ do: "silence_agent" }]);
    expect(step.state.name).toBe(state);
    expect(told(step)[0]).toBe("silence_agent");
    expect(told(step)).toContain(effect);
  });
});
