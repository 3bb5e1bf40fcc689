import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  CallEvent,
  CallState,
  Disposition,
  Effect,
} from "../../../src/relay/call/call-events.js";
import { OFFERED, step } from "../../../src/relay/call/call-state.js";

const REQUEST = {
  destination: "desk",
  reason: null,
  summary: null,
  urgency: null,
  by: "agent",
} as const;
const TRANSFER: Disposition = { kind: "transfer", farewell: "play", request: REQUEST };
const KEY: Disposition = { kind: "transfer", farewell: "none", request: { ...REQUEST, by: "key" } };

/**
 * The state after these events, and what was to be done along the way. No transcript is ever due.
 */
function run(...events: CallEvent[]): { state: CallState; effects: string[]; full: Effect[] } {
  let state = OFFERED;
  const full: Effect[] = [];
  const queue = [...events];
  for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
    const next = step(state, event);
    state = next.state;
    full.push(...next.effects);
    if (next.effects.some((effect) => effect.do === "await_transcripts"))
      queue.unshift({ type: "transcripts_complete" });
  }
  return { state, effects: full.map((effect) => effect.do), full };
}

const leave = (disposition: Disposition, agentStays = false): CallEvent => ({
  type: "leave",
  disposition,
  agentStays,
});
const STARTED: CallEvent = { type: "caller_arrived" };
const READY: CallEvent = { type: "session_ready", conversation: "new" };
const REATTACHED: CallEvent = { type: "session_ready", conversation: "kept" };
const STOPPED: CallEvent = { type: "stream_ended", clean: true };
const BROKEN: CallEvent = { type: "stream_ended", clean: false };
const LOST: CallEvent = { type: "session_lost", code: "upstream_closed", retryable: true };
const UNAVAILABLE: CallEvent = { type: "session_unavailable", code: "upstream_timeout" };
const HEARD: CallEvent = { type: "heard_out" };
const ended = (next: "connected" | "back_to_agent" | "apology" | "gone"): CallEvent => ({
  type: "transfer_ended",
  next,
  agentHere: false,
});

describe("step", () => {
  it("talks once both sides are there, in either order", () => {
    expect(run(READY, STARTED).state.name).toBe("talking");
    expect(run(STARTED, READY).state.name).toBe("talking");
    expect(run(READY, STARTED).effects).toContain("begin");
  });

  it("opens the session at start when the warm one was given back", () => {
    const { state, effects } = run(READY, { type: "timer", timer: "claim" }, STARTED);
    expect(state.name).toBe("connecting");
    expect(effects).toEqual(["release_model", "disarm", "disarm", "open_session"]);
  });

  it("goes to the fallback when there is no model, before and after the stream came", () => {
    for (const events of [
      [UNAVAILABLE, STARTED],
      [STARTED, UNAVAILABLE],
    ]) {
      const { state, effects } = run(...events, HEARD);
      expect(state).toMatchObject({ name: "handing_over" });
      expect(effects).toContain("fall_back");
      const over = run(...events, HEARD, ended("apology"));
      expect(over.state).toMatchObject({ name: "ended", next: "fallback", outcome: "failed" });
    }
  });

  it("counts a call as failed when its agent failed, whatever becomes of the fallback", () => {
    for (const next of ["connected", "apology", "gone"] as const)
      expect(run(STARTED, UNAVAILABLE, HEARD, ended(next)).state).toMatchObject({
        name: "ended",
        outcome: "failed",
        reason: "upstream_timeout",
      });
  });

  it("redials once, then falls back after the audio that waits was heard", () => {
    expect(run(READY, STARTED, LOST).effects).toContain("redial");
    expect(run(READY, STARTED, LOST, READY).state.name).toBe("talking");
    const leaving = run(READY, STARTED, LOST, UNAVAILABLE);
    expect(leaving.state.name).toBe("leaving");
    expect(leaving.effects).not.toContain("fall_back");
    expect(run(READY, STARTED, LOST, UNAVAILABLE, HEARD).effects).toContain("fall_back");
  });

  it("begins with the greeting, after a loss, after a transfer, or with the same model", () => {
    const beginnings = (...events: CallEvent[]) =>
      run(...events).full.flatMap((effect) => (effect.do === "begin" ? [effect.how] : []));
    expect(beginnings(READY, STARTED)).toEqual(["greet"]);
    expect(beginnings(READY, STARTED, LOST, READY)).toEqual(["greet", "resume"]);
    expect(beginnings(READY, STARTED, BROKEN, STARTED, READY)).toEqual(["greet", "return"]);
    expect(beginnings(READY, STARTED, REATTACHED)).toEqual(["greet", "reattach"]);
  });

  it("hands over only after the farewell was heard, or its time is up", () => {
    const before = run(READY, STARTED, leave(TRANSFER));
    expect(before.effects).not.toContain("hand_over");
    expect(run(READY, STARTED, leave(TRANSFER), HEARD).effects).toContain("hand_over");
    const timeUp: CallEvent = { type: "timer", timer: "farewell" };
    expect(run(READY, STARTED, leave(TRANSFER), timeUp).effects).toContain("hand_over");
  });

  it("hands over at once, and keeps its model, where that stays with the caller", () => {
    const stays = run(STARTED, READY, leave(TRANSFER, true));
    expect(stays.state.name).toBe("handing_over");
    expect(stays.effects).toContain("hand_over");
    expect(stays.effects).not.toContain("release_model");
    const back: CallEvent = { type: "transfer_ended", next: "back_to_agent", agentHere: true };
    expect(run(STARTED, READY, leave(TRANSFER, true), back).state.name).toBe("talking");
    expect(run(STARTED, READY, leave(TRANSFER, true), LOST).effects).toContain("keep_company");
  });

  it("lets the key through at once, also while a farewell plays or the model is dead", () => {
    expect(run(READY, STARTED, leave(KEY)).effects).toContain("hand_over");
    expect(run(STARTED, leave(KEY)).effects).toContain("hand_over");
    expect(run(READY, STARTED, LOST, leave(KEY)).effects).toContain("hand_over");
    expect(run(READY, STARTED, leave(TRANSFER), leave(KEY)).effects).toContain("hand_over");
  });

  it("does not take the stop that a transfer causes for the end", () => {
    expect(run(READY, STARTED, leave(KEY), STOPPED).state.name).toBe("handing_over");
  });

  it("brings the caller back to the agent when the stream broke and they are still there", () => {
    expect(run(READY, STARTED, BROKEN).state.name).toBe("returning");
    expect(run(READY, STARTED, BROKEN, STARTED, READY).state.name).toBe("talking");
    expect(run(READY, STARTED, BROKEN, { type: "timer", timer: "arrival" }).state).toMatchObject({
      name: "ended",
      outcome: "completed",
    });
  });

  it("takes the caller to the destination when only the stream broke during the farewell", () => {
    expect(run(READY, STARTED, leave(TRANSFER), BROKEN).effects).toContain("hand_over");
    expect(run(READY, STARTED, LOST, UNAVAILABLE, BROKEN).effects).toContain("fall_back");
  });

  it("calls a caller who hung up before anything was said abandoned, later completed", () => {
    expect(run(STARTED, STOPPED).state).toMatchObject({ outcome: "abandoned" });
    expect(run(READY, STARTED, STOPPED).state).toMatchObject({
      outcome: "completed",
      next: "hang_up",
    });
  });

  it("hangs up a caller whom the agent has said goodbye to, and no one else", () => {
    const bye: Disposition = { kind: "end", reason: "done", farewell: "none" };
    const lines = (...events: CallEvent[]) =>
      run(...events).full.flatMap((effect) => (effect.do === "close_line" ? [effect.how] : []));
    expect(lines(READY, STARTED, leave(bye))).toEqual(["hang_up"]);
    expect(lines(READY, STARTED, STOPPED)).toEqual(["stream_only"]);
    expect(lines(READY, STARTED, leave(KEY), ended("connected"))).not.toContain("hang_up");
  });

  it("waits for transcripts after a hang-up, and for nothing more than their time", () => {
    for (const last of [
      { type: "timer", timer: "transcripts" },
      { type: "transcripts_complete" },
      LOST,
    ] as const) {
      let state = [READY, STARTED, STOPPED].reduce(
        (before: CallState, event) => step(before, event).state,
        OFFERED,
      );
      expect(state).toMatchObject({ name: "closing", outcome: "completed" });
      state = step(state, { type: "heard_out" }).state;
      expect(state.name).toBe("closing");
      const over = step(state, last);
      expect(over.state.name).toBe("ended");
      expect(over.effects.map((effect) => effect.do)).toContain("finish");
    }
  });

  it("tells the transfer that the caller is gone, and lets it decide the end", () => {
    const gone = run(READY, STARTED, leave(KEY), { type: "caller_gone" });
    expect(gone.state.name).toBe("handing_over");
    expect(gone.effects).toContain("tell_caller_gone");
    const never = run(STARTED, UNAVAILABLE, HEARD, { type: "timer", timer: "arrival" });
    expect(never.effects).toContain("tell_caller_gone");
  });

  it("gives a call to another process only while it waits for its caller or its model", () => {
    const moved: CallEvent = { type: "moved" };
    for (const events of [[], [STARTED], [READY, STARTED, BROKEN]])
      expect(run(...events, moved).effects.at(-1)).toBe("move_away");
    for (const events of [
      [READY, STARTED],
      [READY, STARTED, leave(KEY)],
    ])
      expect(run(...events, moved).effects).not.toContain("move_away");
  });

  it("finishes at most once and does nothing after the end, in any order of events", () => {
    const event: fc.Arbitrary<CallEvent> = fc.constantFrom<CallEvent>(
      STARTED,
      READY,
      REATTACHED,
      STOPPED,
      BROKEN,
      LOST,
      UNAVAILABLE,
      HEARD,
      leave(TRANSFER),
      leave(TRANSFER, true),
      leave(KEY),
      leave({ kind: "end", reason: "done", farewell: "ask" }),
      { type: "timer", timer: "claim" },
      { type: "timer", timer: "arrival" },
      { type: "timer", timer: "farewell" },
      { type: "timer", timer: "transcripts" },
      { type: "caller_gone" },
      { type: "abandoned", reason: "drained" },
      { type: "gave_up", reason: "stream_broke" },
      { type: "stream_followed" },
      ended("back_to_agent"),
      { type: "transfer_ended", next: "back_to_agent", agentHere: true },
      ended("connected"),
      ended("apology"),
      ended("gone"),
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
