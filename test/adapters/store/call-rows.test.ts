import { describe, expect, it } from "vitest";
import { CALL_COLUMNS, callValues, parseRecord } from "../../../src/adapters/store/call-rows.js";
import type { RecordEvent } from "../../../src/domain/record-event.js";
import { applyEvents, emptyRecord } from "../../../src/records/record.js";
import { BEGAN_MS, callerText, ended, opened, testSid } from "../../fakes/record-events.js";

const row = (...events: RecordEvent[]): Record<string, unknown> => {
  const record = applyEvents(emptyRecord(testSid(1)), events);
  const save = { callSid: testSid(1), record, applied: { w: 3 }, basedOn: 4, owner: "w" };
  return Object.fromEntries(callValues(save).map((value, i) => [CALL_COLUMNS[i], value]));
};

describe("callValues", () => {
  it("fills the columns that queries use", () => {
    expect(row(opened(), { type: "recording", sid: "RE1", file: null }, ended(500))).toMatchObject({
      call_sid: testSid(1),
      version: 5,
      owner: "w",
      state: "ended",
      caller: "+15550001111",
      started_ms: BEGAN_MS,
      ended_ms: BEGAN_MS + 500,
      recording_sid: "RE1",
      recording_file: null,
      applied: '{"w":3}',
    });
  });

  it.each([
    ["inbound", "+15550001111"],
    ["outbound", "+15550002222"],
  ] as const)("takes the other party of an %s call as its caller", (direction, caller) => {
    expect(row(opened({ direction }))["caller"]).toBe(caller);
  });

  it.each([
    ["a NUL", "a\0b", "ab"],
    ["half a surrogate pair", "a\ud800b", "a\ufffdb"],
    ["another half", "a\udfffb", "a\ufffdb"],
    ["a whole pair", "a\u{1f412}b", "a\u{1f412}b"],
    ["a literal escape", String.raw`a\u0000 \\ud800`, String.raw`a\u0000 \\ud800`],
  ])("stores text that every database and client can read: %s", (_, text, stored) => {
    const record = parseRecord(String(row(opened(), callerText("i", text))["record"]));
    expect(record.turns[0]?.text).toBe(stored);
    expect(row(opened({ agent: text }))["agent"]).toBe(stored);
  });
});
