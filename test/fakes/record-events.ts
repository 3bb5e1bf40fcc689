/** Builders of record events for tests, so that a test names only what it is about. */
import type { CallSid, ItemId } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";

type Of<Type extends RecordEvent["type"]> = Extract<RecordEvent, { readonly type: Type }>;

/** When the calls of tests begin, ms since the epoch. */
export const BEGAN_MS = Date.UTC(2026, 10, 21, 8);

export const testSid = (n: number) => `CA${String(n).padStart(32, "0")}` as CallSid;

export const opened = (changes: Partial<Of<"opened">> = {}): Of<"opened"> => ({
  type: "opened",
  epochMs: BEGAN_MS,
  agent: "support",
  direction: "inbound",
  from: "+15550001111",
  to: "+15550002222",
  path: "media-stream",
  node: "n1",
  ...changes,
});

export const ended = (atMs: number, changes: Partial<Of<"ended">> = {}): Of<"ended"> => ({
  type: "ended",
  atMs,
  outcome: "completed",
  reason: "caller_hung_up",
  ...changes,
});

export const note = (atMs: number, name = "n"): Of<"note"> => ({
  type: "note",
  atMs,
  name,
  fields: {},
});

export const transferRequested = (
  atMs: number,
  destination = "billing",
): Of<"transfer_requested"> => ({
  type: "transfer_requested",
  atMs,
  destination,
  kind: "dial",
  reason: null,
  summary: null,
  urgency: null,
  by: "agent",
});

export const transferOutcome = (
  atMs: number,
  outcome: Of<"transfer_outcome">["outcome"],
  destination = "billing",
): Of<"transfer_outcome"> => ({ type: "transfer_outcome", atMs, destination, outcome });

export const callerText = (id: string, text: string): Of<"caller_text"> => ({
  type: "caller_text",
  itemId: id as ItemId,
  text,
});
