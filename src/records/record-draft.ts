import type { CallRecord, RecordedEvent, RecordedTurn } from "../domain/call-record.js";

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

export function addEvent(draft: RecordDraft, event: RecordedEvent): void {
  insertByTime(draft.events, event, LIMITS.events);
}
