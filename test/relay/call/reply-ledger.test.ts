import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stuckSpeechSinceMs } from "../../../src/relay/call/missed-end.js";
import {
  acted,
  dueAction,
  NO_REPLY_OWED,
  type ReplyAction,
  type ReplyEvent,
  type ReplyState,
  record,
  type SettledReply,
  silentResponseSinceMs,
} from "../../../src/relay/call/reply-ledger.js";

const TIMEOUT_MS = 4_000;

type Timed = readonly [atMs: number, event: ReplyEvent];

/**
 * Plays events and asks the ledger every 100 ms; a comfort sounds for 400 ms, an answer for 1 s.
 */
function play(
  events: readonly Timed[],
  untilMs: number,
  { replyTimeoutMs = TIMEOUT_MS, silentSinceMs = null as number | null } = {},
) {
  let state: ReplyState = NO_REPLY_OWED;
  let soundUntilMs = Number.NEGATIVE_INFINITY;
  const actions: [number, ReplyAction["do"]][] = [];
  const settled: SettledReply[] = [];
  const queue = [...events];
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 100) {
    while (queue[0] !== undefined && queue[0][0] <= nowMs) {
      const [, event] = queue.shift()!;
      const next = record(state, event, nowMs);
      state = next.state;
      if (next.settled !== null) settled.push(next.settled);
      if (event.type === "audible") soundUntilMs = nowMs + 1_000;
    }
    const sinceMs = silentResponseSinceMs(state, { soundUntilMs, silentSinceMs }, nowMs);
    if (sinceMs !== null) state = record(state, { type: "fell_silent", sinceMs }, nowMs).state;
    const stuckMs = stuckSpeechSinceMs(state, { soundUntilMs, silentSinceMs }, nowMs);
    if (stuckMs !== null)
      state = record(state, { type: "speech_stuck", sinceMs: stuckMs }, nowMs).state;
    const action = dueAction(state, { soundUntilMs, silentSinceMs }, replyTimeoutMs, nowMs);
    if (action === null) continue;
    actions.push([nowMs, action.do]);
    const next = acted(state, action, nowMs);
    state = next.state;
    if (next.settled !== null) settled.push(next.settled);
    if (action.do === "comfort" || action.do === "say_while_waiting") soundUntilMs = nowMs + 400;
  }
  return { actions, settled, state };
}

const turn: Timed = [0, { type: "owed", cause: "caller_turn" }];
const start = (work: "dial" | "response" | "tool" | "mcp", sayWhileWaiting?: string): ReplyEvent =>
  sayWhileWaiting === undefined
    ? { type: "work_started", work }
    : { type: "work_started", work, sayWhileWaiting };
const ended = (owes: "response_failed" | "tool_result" | "text_reply" | null): ReplyEvent => ({
  type: "response_ended",
  owes,
  retryAfterMs: null,
});

describe("a reply that is owed", () => {
  it("is paid by the first audio that is heard", () => {
    const { actions, settled } = play(
      [turn, [200, start("response")], [900, { type: "audible" }], [3_000, ended(null)]],
      20_000,
    );
    expect(actions).toEqual([]);
    expect(settled).toEqual([{ cause: "caller_turn", outcome: "on_time", ms: 900 }]);
  });

  it("is asked for again when nothing is under way, then the caller goes to the fallback", () => {
    const { actions, settled } = play([turn], 20_000);
    expect(actions).toEqual([
      [4_000, "ask_again"],
      [6_000, "give_up"],
    ]);
    expect(settled).toEqual([{ cause: "caller_turn", outcome: "gave_up", ms: 6_000 }]);
  });

  it("leaves the model time to reply, however long the agent's own time-out", () => {
    const { actions } = play([turn], 20_000, { replyTimeoutMs: 8_000 });
    expect(actions).toEqual([
      [4_500, "ask_again"],
      [6_000, "give_up"],
    ]);
  });

  it("is asked for at once after a response that failed, and once only", () => {
    const { actions } = play(
      [
        turn,
        [200, start("response")],
        [300, ended("response_failed")],
        [400, start("response")],
        [500, ended("response_failed")],
      ],
      20_000,
    );
    expect(actions).toEqual([
      [300, "ask_again"],
      [500, "give_up"],
    ]);
  });

  it("waits as long as a rate limit asks, for at most four seconds", () => {
    const failed = (retryAfterMs: number): Timed[] => [
      turn,
      [200, start("response")],
      [300, { type: "response_ended", owes: "response_failed", retryAfterMs }],
    ];
    expect(play(failed(1_200), 1_600).actions).toEqual([[1_500, "ask_again"]]);
    expect(play(failed(60_000), 4_400).actions).toEqual([
      [4_000, "comfort"],
      [4_400, "ask_again"],
    ]);
  });

  it("is comforted while a response is open, as often as silence returns, for half a minute", () => {
    const { actions } = play([turn, [200, start("response")]], 60_000);
    expect(actions.at(-1)).toEqual([30_000, "give_up"]);
    expect(actions.slice(0, -1).every(([, what]) => what === "comfort")).toBe(true);
    expect(actions.length).toBe(7);
  });

  it("waits longer for a tool than for a response", () => {
    const { actions } = play(
      [turn, [100, start("response")], [200, start("tool")], [300, ended("tool_result")]],
      60_000,
    );
    expect(actions.every(([, what]) => what === "comfort")).toBe(true);
  });

  it("has a tool's own words said once, 700 ms after the last sound", () => {
    const events: Timed[] = [
      turn,
      [100, start("response")],
      [300, { type: "audible" }],
      [400, start("tool", "Let me look.")],
      [500, ended("tool_result")],
    ];
    // The preamble sounds until 1,300.
    expect(play(events, 5_000).actions).toEqual([[2_000, "say_while_waiting"]]);
    const quick: Timed[] = [...events, [1_400, { type: "work_ended", work: "tool" }]];
    expect(play(quick, 3_000).actions).toEqual([]);
  });

  it("is comforted soon while the session is being dialled", () => {
    const { actions } = play(
      [
        [0, { type: "owed", cause: "session_lost" }],
        [0, start("dial")],
      ],
      5_000,
    );
    expect(actions[0]).toEqual([1_500, "comfort"]);
  });

  it("is not asked for while the caller speaks, unless the relay hears silence", () => {
    const events: Timed[] = [turn, [100, { type: "caller_speech", speaking: true }]];
    expect(play(events, 20_000).actions).toEqual([]);
    expect(play(events, 20_000, { silentSinceMs: 200 }).actions[0]).toEqual([4_000, "ask_again"]);
    // Its own detection may be a moment behind.
    const late: Timed[] = [turn, [3_900, { type: "caller_speech", speaking: true }]];
    expect(play(late, 20_000, { silentSinceMs: 0 }).actions[0]).toEqual([5_400, "ask_again"]);
  });

  it("is not changed by a stop without a start, nor by a second start", () => {
    const stray: Timed[] = [turn, [3_000, { type: "caller_speech", speaking: false }]];
    expect(play(stray, 20_000).actions[0]).toEqual([4_000, "ask_again"]);
    const again: Timed[] = [
      turn,
      [100, { type: "caller_speech", speaking: true }],
      [3_900, { type: "caller_speech", speaking: true }],
    ];
    expect(play(again, 20_000, { silentSinceMs: 200 }).actions[0]).toEqual([4_000, "ask_again"]);
  });

  it("is owed to a caller whose end of speech the model never reports", () => {
    const events: Timed[] = [[1_000, { type: "caller_speech", speaking: true }]];
    expect(play(events, 20_000).actions).toEqual([]);
    const { actions } = play(events, 20_000, { silentSinceMs: 0 });
    expect(actions).toEqual([
      [6_000, "ask_again"],
      [7_000, "give_up"],
    ]);
  });

  it("is owed by the next session to a caller whose words were cut off with the last one", () => {
    const cut: Timed[] = [
      [0, { type: "caller_speech", speaking: true }],
      [500, { type: "session_ended" }],
    ];
    const { state, actions } = play(cut, 3_000);
    expect(state.owed).toEqual({ cause: "session_lost", sinceMs: 500, cutOff: true });
    expect(actions).toEqual([]);
    expect(play(cut, 20_000).actions[0]).toEqual([4_500, "ask_again"]);
  });

  it("waits from the caller's last word", () => {
    const events: Timed[] = [
      turn,
      [100, { type: "caller_speech", speaking: true }],
      [5_000, { type: "caller_speech", speaking: false }],
    ];
    expect(play(events, 10_000).actions).toEqual([[9_000, "ask_again"]]);
  });

  it("begins when an open response falls silent: comforted, then given up", () => {
    const events: Timed[] = [turn, [100, start("response")], [1_000, { type: "audible" }]];
    const { actions } = play(events, 40_000);
    expect(actions[0]).toEqual([6_000, "comfort"]);
    expect(actions.at(-1)?.[1]).toBe("give_up");
    expect(actions.at(-1)![0]).toBeLessThanOrEqual(35_000);
  });

  it("ends with an open response that was heard, however late it ends", () => {
    const events: Timed[] = [
      turn,
      [100, start("response")],
      [1_000, { type: "audible" }],
      [5_000, ended(null)],
    ];
    const { actions, state } = play(events, 40_000);
    expect(actions).toEqual([]);
    expect(state.owed).toBeNull();
  });

  it("counts from its first moment, even if the caller asks whether the agent is there", () => {
    const events: Timed[] = [
      turn,
      [3_000, { type: "owed", cause: "caller_turn" }],
      [3_800, { type: "owed", cause: "caller_turn" }],
    ];
    expect(play(events, 3_900).state.owed?.sinceMs).toBe(0);
  });

  it("is not kept alive by a model that answers with tool calls only", () => {
    const events: Timed[] = [turn];
    for (let i = 0; i < 20; i++) {
      events.push([i * 100, start("response")], [i * 100 + 50, ended("tool_result")]);
    }
    expect(play(events, 3_000).actions[0]?.[1]).toBe("give_up");
  });

  it("ends when the caller leaves the agent", () => {
    const { actions, settled } = play([turn, [1_000, { type: "withdrawn" }]], 20_000);
    expect(actions).toEqual([]);
    expect(settled).toEqual([{ cause: "caller_turn", outcome: "withdrawn", ms: 1_000 }]);
  });
});

describe("whatever happens", () => {
  const work = fc.constantFrom("dial", "response", "tool", "mcp");
  const event: fc.Arbitrary<ReplyEvent> = fc.oneof(
    fc
      .constantFrom("caller_turn", "keys", "tool_result", "mcp_result", "session_lost")
      .map((cause) => ({ type: "owed", cause }) as ReplyEvent),
    work.map((one) => start(one)),
    work.map((one) => ({ type: "work_ended", work: one }) as ReplyEvent),
    fc.constant<ReplyEvent>({ type: "audible" }),
    fc
      .tuple(
        fc.constantFrom("response_failed", "tool_result", "text_reply", null),
        fc.option(fc.integer({ min: -1_000, max: 1e9 })),
      )
      .map(
        ([owes, retryAfterMs]) => ({ type: "response_ended", owes, retryAfterMs }) as ReplyEvent,
      ),
  );

  it("no silence is longer than eight seconds while a reply is owed", () => {
    const script = fc.array(fc.tuple(fc.integer({ min: 0, max: 60_000 }), event), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(script, fc.integer({ min: 1_000, max: 8_000 }), (unordered, replyTimeoutMs) => {
        const events = unordered
          .map(([atMs, what]) => [atMs - (atMs % 100), what] as const)
          .sort((a, b) => a[0] - b[0]);
        expect(longestSilenceMs(events, replyTimeoutMs)).toBeLessThanOrEqual(8_000);
      }),
      { numRuns: 3_000 },
    );
  });

  it("a silence is longer if the ledger is never asked: the property can fail", () => {
    expect(
      longestSilenceMs([[0, { type: "owed", cause: "caller_turn" }]], 1e9, false),
    ).toBeGreaterThan(8_000);
  });
});

function longestSilenceMs(
  events: readonly Timed[],
  replyTimeoutMs: number,
  watched = true,
): number {
  let state: ReplyState = NO_REPLY_OWED;
  let soundUntilMs = Number.NEGATIVE_INFINITY;
  let longestMs = 0;
  let next = 0;
  for (let nowMs = 0; nowMs <= 80_000; nowMs += 100) {
    for (; next < events.length && events[next]![0] <= nowMs; next++) {
      const what = events[next]![1];
      state = record(state, what, nowMs).state;
      if (what.type === "audible") soundUntilMs = nowMs + 1_000;
    }
    if (state.owed !== null)
      longestMs = Math.max(longestMs, nowMs - Math.max(state.owed.sinceMs, soundUntilMs));
    const action = watched
      ? dueAction(state, { soundUntilMs, silentSinceMs: null }, replyTimeoutMs, nowMs)
      : null;
    if (action === null) continue;
    state = acted(state, action, nowMs).state;
    if (action.do !== "ask_again") soundUntilMs = nowMs + 400;
  }
  return longestMs;
}
