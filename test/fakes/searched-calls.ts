/** Calls for tests of the search. */
import type { CallRecord } from "../../src/domain/call-record.js";
import type { ItemId } from "../../src/domain/ids.js";
import type { RecordEvent, ToolOutcome } from "../../src/domain/record-event.js";
import type { CallSave, CallStore } from "../../src/ports/store.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";
import {
  BEGAN_MS,
  callerText,
  ended,
  opened,
  testSid,
  transferRequested,
} from "./record-events.js";

export const says = (text: string) => callerText("c", text);
const agentTurn = (voiceToVoiceMs: number): RecordEvent => ({
  type: "agent_turn",
  itemId: "a" as ItemId,
  startedMs: 1,
  voiceToVoiceMs,
});
const interrupted: RecordEvent = {
  type: "agent_heard",
  itemId: "a" as ItemId,
  endedMs: 5,
  heardMs: 3,
  receivedMs: 9,
  interruptedAtMs: 5,
};
const tool = (outcome: ToolOutcome): RecordEvent => ({
  type: "tool",
  atMs: 1,
  name: "find_order",
  arguments: "{}",
  output: "",
  ms: 5,
  outcome,
});

export function call(
  n: number,
  events: readonly RecordEvent[],
  changes: Partial<CallRecord> = {},
): CallRecord {
  const begin = opened({ epochMs: BEGAN_MS + n * 1_000, from: `+1555000${1_000 + n}` });
  return { ...applyEvents(emptyRecord(testSid(n)), [begin, ...events]), ...changes };
}

/** Five ended calls and a live one, each with something to search for. */
export const SEARCHED_CALLS: readonly CallRecord[] = [
  call(1, [says("Where is my order? It's late."), agentTurn(900), ended(10_000)]),
  call(2, [says("Bananas, monkey business"), tool("error"), ended(90_000)], { costUsd: 0.25 }),
  call(3, [says("Business, monkey"), agentTurn(2_500.4), interrupted, tool("ok"), ended(5_000)]),
  call(4, [says("Où est l'été à Zürich?"), ended(1, { outcome: "failed", reason: "lost_stream" })]),
  call(5, [says("東京タワー"), transferRequested(1, "billing"), ended(30_000)], {
    costUsd: 1.5e-7,
  }),
  call(6, [says("Bananas")]),
];

export const numberOf = ({ callSid }: { readonly callSid: string }) => Number(callSid.slice(2));

export const save = (record: CallRecord, basedOn = 0): CallSave => ({
  callSid: record.callSid,
  record,
  applied: {},
  basedOn,
  owner: "w",
});

/** Indexes in several steps, as the job does. */
export async function indexAll(store: Pick<CallStore, "indexCalls">) {
  while ((await store.indexCalls(2)).count === 2) {}
}
