import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CallEvent,
  type CallState,
  type Disposition,
  OFFERED,
  step,
} from "../../../src/relay/call/call-state.js";

const REQUEST = {
  destination: "desk",
  reason: null,
  summary: null,
  urgency: null,
  by: "agent",
} as const;
const TRANSFER: Disposition = { kind: "transfer", farewell: "play", request: REQUEST };
const KEY: Disposition = { kind: "transfer", farewell: "none", request: { ...REQUEST, by: "key" } };

/** The state after these events, and what was to be done along the way. */
function run(...events: CallEvent[]): { state: CallState; effects: string[] } {
  let state = OFFERED;
  const effects: string[] = [];
  for (const event of events) {
    const next = step(state, event);
    state = next.state;
    effects.push(...next.effects.map((effect) => effect.do));
  }
  return { state, effects };
}

const STARTED: CallEvent = { type: "stream_started" };
const READY: CallEvent = { type: "session_ready" };
const STOPPED: CallEvent = { type: "stream_ended", clean: true };
const BROKEN: CallEvent = { type: "stream_ended", clean: false };
const LOST: CallEvent = { type: "session_lost", code: "upstream_closed", retryable: true };
const UNAVAILABLE: CallEvent = { type: "session_unavailable", code: "upstream_timeout" };
const HEARD: CallEvent = { type: "heard_out" };

describe("step", () => {
  it("talks once both sides are there, in either order", () => {
    expect(run(READY, STARTED).state.name).toBe("talking");
    expect(run(STARTED, READY).state.name).toBe("talking");
    expect(run(READY, STARTED).effects).toContain("begin");
  });

  it("opens the session at start when the warm one was given back", () => {
    const { state, effects } = run(READY, { type: "timer", timer: "claim" }, STARTED);
    expect(state.name).toBe("connecting");
    expect(effects).toEqual(["close_session", "disarm", "disarm", "open_session"]);
  });

  it("goes to the fallback when there is no model, before and after the stream came", () => {
    for (const events of [
      [UNAVAILABLE, STARTED],
      [STARTED, UNAVAILABLE],
    ]) {
      const { state } = run(...(events as CallEvent[]), HEARD);
      expect(state).toMatchObject({ name: "ended", verdict: "fallback", outcome: "failed" });
    }
  });

  it("redials once, then falls back after what is here was heard", () => {
    expect(run(READY, STARTED, LOST).effects).toContain("redial");
    expect(run(READY, STARTED, LOST, READY).state.name).toBe("talking");
    const leaving = run(READY, STARTED, LOST, UNAVAILABLE);
    expect(leaving.state.name).toBe("leaving");
    expect(leaving.effects).not.toContain("close_stream");
    expect(run(READY, STARTED, LOST, UNAVAILABLE, HEARD).effects).toContain("close_stream");
  });

  it("hands over only after the farewell was heard, or its time is up", () => {
    const before = run(READY, STARTED, { type: "leave", departure: TRANSFER });
    expect(before.effects).not.toContain("hand_over");
    expect(run(READY, STARTED, { type: "leave", departure: TRANSFER }, HEARD).effects).toContain(
      "hand_over",
    );
    const timeUp: CallEvent = { type: "timer", timer: "farewell" };
    expect(run(READY, STARTED, { type: "leave", departure: TRANSFER }, timeUp).effects).toContain(
      "hand_over",
    );
  });

  it("lets the key through at once, also while a farewell plays or the model is dead", () => {
    const key: CallEvent = { type: "leave", departure: KEY };
    expect(run(READY, STARTED, key).effects).toContain("hand_over");
    expect(run(STARTED, key).effects).toContain("hand_over");
    expect(run(READY, STARTED, LOST, key).effects).toContain("hand_over");
    expect(run(READY, STARTED, { type: "leave", departure: TRANSFER }, key).effects).toContain(
      "hand_over",
    );
  });

  it("does not take the stop that a transfer causes for the end", () => {
    expect(run(READY, STARTED, { type: "leave", departure: KEY }, STOPPED).state.name).toBe(
      "handing_over",
    );
  });

  it("brings the caller back to the agent when the stream broke and they are still there", () => {
    expect(run(READY, STARTED, BROKEN).state.name).toBe("returning");
    expect(run(READY, STARTED, BROKEN, STARTED, READY).state.name).toBe("talking");
    expect(run(READY, STARTED, BROKEN, { type: "timer", timer: "arrival" }).state).toMatchObject({
      name: "ended",
      outcome: "completed",
    });
  });

  it("calls a caller who hung up before anybody spoke abandoned, later completed", () => {
    expect(run(STARTED, STOPPED).state).toMatchObject({ outcome: "abandoned" });
    expect(run(READY, STARTED, STOPPED).state).toMatchObject({
      outcome: "completed",
      verdict: "hang_up",
    });
  });

  it("finishes at most once and does nothing after the end, in any order of events", () => {
    const event: fc.Arbitrary<CallEvent> = fc.constantFrom<CallEvent>(
      STARTED,
      READY,
      STOPPED,
      BROKEN,
      LOST,
      UNAVAILABLE,
      HEARD,
      { type: "leave", departure: TRANSFER },
      { type: "leave", departure: KEY },
      { type: "leave", departure: { kind: "end", reason: "done", farewell: "ask" } },
      { type: "timer", timer: "claim" },
      { type: "timer", timer: "arrival" },
      { type: "timer", timer: "farewell" },
      { type: "caller_gone" },
      { type: "abandoned", reason: "drained" },
      { type: "transfer_ended", next: "back_to_agent" },
      { type: "transfer_ended", next: "connected" },
      { type: "transfer_ended", next: "apology" },
      { type: "transfer_ended", next: "gone" },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const { state, effects } = run(...events);
        const finishes = effects.filter((effect) => effect === "finish").length;
        expect(finishes).toBe(state.name === "ended" ? 1 : 0);
        if (state.name === "ended")
          expect(effects.slice(effects.indexOf("finish") + 1)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});
