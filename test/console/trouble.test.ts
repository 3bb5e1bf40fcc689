import { expect, it } from "vitest";
import type { LiveEvent } from "../../console/live-calls.js";
import { LiveCalls } from "../../console/live-calls.js";
import { marksOf, readSort, SORTS } from "../../console/trouble.js";

const AT = "2026-11-21T08:00:00.000Z";

function calls(): LiveCalls {
  const live = new LiveCalls();
  const tell = (n: number, event: object) =>
    live.apply({ callSid: `CA${n}`, at: AT, ...event } as LiveEvent);
  for (let n = 0; n < 5; n++)
    tell(n, {
      ...{ type: "opened", epochMs: 1_000 * n, agent: "a", direction: "inbound", from: "", to: "" },
      ...{ path: "media-stream", node: "n" },
    });
  tell(1, { type: "agent_turn", itemId: "i", startedMs: 0, voiceToVoiceMs: 3_100 });
  for (let i = 0; i < 3; i++)
    tell(2, {
      type: "agent_heard",
      itemId: `i${i}`,
      heardMs: 1,
      receivedMs: 9,
      interruptedAtMs: 1,
    });
  tell(3, { type: "tool", atMs: 0, name: "lookup", outcome: "error", ms: 1 });
  tell(3, { type: "tool", atMs: 0, name: "lookup", outcome: "ok", ms: 1 });
  tell(4, { type: "note", atMs: 0, name: "session_lost", fields: {} });
  tell(4, { type: "note", atMs: 0, name: "playout_held", fields: {} });
  return live;
}

it.each([
  ["newest", ["CA4", "CA3", "CA2", "CA1", "CA0"]],
  ["age", ["CA0", "CA1", "CA2", "CA3", "CA4"]],
  ["trouble", ["CA4", "CA3", "CA1", "CA2", "CA0"]],
  ["latency", ["CA1", "CA4", "CA3", "CA2", "CA0"]],
  ["interruptions", ["CA2", "CA4", "CA3", "CA1", "CA0"]],
  ["tools", ["CA3", "CA4", "CA2", "CA1", "CA0"]],
] as const)("live calls are sorted by %s", (sort, order) => {
  expect(SORTS.map(([name]) => name)).toContain(sort);
  expect(
    calls()
      .find("", 10, sort)
      .rows.map(({ callSid }) => callSid),
  ).toEqual(order);
});

it("each trouble of a call is named, and a call without any has no mark", () => {
  const marks = calls()
    .find("", 10)
    .rows.map((row) => marksOf(row).join());
  expect(marks).toEqual([
    "model trouble 1×",
    "tool failed 1×",
    "interrupted 3×",
    "slow answer",
    "",
  ]);
});

it("an unknown order in the address is the newest first", () => {
  expect([readSort("trouble"), readSort("x"), readSort("")]).toEqual([
    "trouble",
    "newest",
    "newest",
  ]);
});
