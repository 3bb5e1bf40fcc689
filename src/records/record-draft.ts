import type { CallRecord, RecordedEvent, RecordedTurn } from "../domain/call-record.js";
import { cutText } from "./text-limits.js";

export type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

/**
 * A record while events are applied to it. Its lists belong to it alone; the entries of the lists
 * are replaced and never changed, except for the turns in `ownTurns`.
 */
export type RecordDraft = Mutable<CallRecord> & {
  turns: Mutable<RecordedTurn>[];
  tools: CallRecord["tools"][number][];
  events: RecordedEvent[];
  /** Turns that were made for this draft: no other record has them, so they may be changed. */
  readonly ownTurns: Set<RecordedTurn>;
};

/** A record is read as a whole, so each list in it has a limit. Later entries are left out. */
export const LIMITS = { turns: 2_000, tools: 500, events: 500, transferSteps: 100 } as const;

/**
 * Limit of the turns' and tools' text in one record, in UTF-16 units. A record is read and written
 * as a whole, on the thread that carries calls.
 */
const RECORD_CHARS = 1_000_000;
/** Shorter texts are not counted: the lists' limits bound them. */
const SHORT_CHARS = 1_000;

/** The text, or a mark in its place when the record has no room for it. */
export function fitText(draft: RecordDraft, text: string): string {
  if (text.length <= SHORT_CHARS || textChars(draft) + text.length <= RECORD_CHARS) return text;
  return cutText("", 0, text.length).trimStart();
}

function textChars({ turns, tools }: RecordDraft): number {
  let chars = 0;
  for (const { text, heardText } of turns) chars += (text?.length ?? 0) + (heardText?.length ?? 0);
  for (const tool of tools) chars += tool.arguments.length + tool.output.length;
  return chars;
}

export function draftOf(record: CallRecord): RecordDraft {
  return {
    ...record,
    turns: record.turns.slice(),
    tools: record.tools.slice(),
    events: record.events.slice(),
    ownTurns: new Set(),
  };
}

export function recordOf({ ownTurns: _, ...record }: RecordDraft): CallRecord {
  return record;
}

/** Inserts an entry after those of the same time or earlier. Events may arrive late. */
export function insertByTime<Entry extends { readonly atMs: number }>(
  entries: Entry[],
  entry: Entry,
  limit: number,
): void {
  if (entries.length >= limit) return;
  const later = entries.findLastIndex((other) => other.atMs <= entry.atMs) + 1;
  entries.splice(later, 0, entry);
}

/** Ms since the call's beginning. */
export function timeOf(
  { startedAt }: Pick<CallRecord, "startedAt">,
  { atMs, epochMs }: { readonly atMs: number; readonly epochMs?: number },
): number {
  if (epochMs === undefined) return atMs;
  return startedAt === null ? 0 : Math.max(0, epochMs - Date.parse(startedAt));
}

export function addEvent(draft: RecordDraft, event: RecordedEvent): void {
  insertByTime(draft.events, event, LIMITS.events);
}
