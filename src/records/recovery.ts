import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { SpoolEntry } from "../ports/spool.js";
import type { CallSave, CallStore, StoredCall, WriterId } from "../ports/store.js";
import { lastKnownMs, PROCESS_LOST } from "./live-call.js";
import { applyEvent, applyEvents, emptyRecord } from "./record.js";

/** Two writers that meet at a call again and again: something is wrong, and the next round tries again. */
const MAX_ROUNDS = 8;
const CALLS_A_BATCH = 64;

/** Prices a record, as it is to be stored. */
export type Finish = (record: CallRecord) => CallRecord;

/**
 * Brings entries of a journal into the database: those of them that are not there yet, in order. However often it is done, with
 * however much of the journal, each entry counts once.
 *
 * @returns  calls that it changed and whose end is among the entries.
 */
export async function replay(
  store: CallStore,
  writer: WriterId,
  entries: readonly SpoolEntry[],
  finish: Finish,
): Promise<readonly CallSid[]> {
  const byCall = new Map<CallSid, SpoolEntry[]>();
  for (const entry of entries) {
    const of = byCall.get(entry.callSid);
    if (of === undefined) byCall.set(entry.callSid, [entry]);
    // A piece that was half written on a full disk is in the journal once more, whole.
    else if (entry.seq > of.at(-1)!.seq) of.push(entry);
  }
  const changed = await change(store, [...byCall.keys()], (callSid, stored) => {
    const done = stored?.applied[writer] ?? 0;
    const fresh = byCall.get(callSid)?.filter((entry) => entry.seq > done) ?? [];
    const last = fresh.at(-1);
    if (last === undefined) return null;
    // What came late to a call that is no longer stored: deleted, or past its time.
    if (stored === null && fresh[0]?.event.type !== "opened") return null;
    const base = stored?.record ?? emptyRecord(callSid);
    const record = applyEvents(
      base,
      fresh.map((entry) => entry.event),
    );
    return {
      callSid,
      record: finish(record),
      applied: { ...stored?.applied, [writer]: last.seq },
      basedOn: stored?.version ?? 0,
      owner: stored?.owner ?? writer,
    };
  });
  return changed.filter((callSid) =>
    byCall.get(callSid)?.some((entry) => entry.event.type === "ended"),
  );
}

/** Ends calls whose process is gone as failed, with what is known of them; returns those that it ended. */
export async function finalise(
  store: CallStore,
  callSids: readonly CallSid[],
  lostWriters: (owner: WriterId) => boolean,
  finish: Finish,
): Promise<readonly CallSid[]> {
  return await change(store, callSids, (callSid, stored) => {
    if (stored === null || stored.record.state === "ended" || !lostWriters(stored.owner))
      return null;
    const atMs = lastKnownMs(stored.record);
    const record = applyEvent(stored.record, {
      type: "ended",
      atMs,
      outcome: "failed",
      reason: PROCESS_LOST,
    });
    return {
      callSid,
      record: finish(record),
      applied: stored.applied,
      basedOn: stored.version,
      owner: stored.owner,
    };
  });
}

/** Reads calls, changes them and saves them, again for those that somebody else saved in between; returns those that it saved. */
async function change(
  store: CallStore,
  callSids: readonly CallSid[],
  next: (callSid: CallSid, stored: StoredCall | null) => CallSave | null,
): Promise<readonly CallSid[]> {
  const changed: CallSid[] = [];
  for (let i = 0; i < callSids.length; i += CALLS_A_BATCH) {
    let left = callSids.slice(i, i + CALLS_A_BATCH);
    for (let round = 0; left.length > 0 && round < MAX_ROUNDS; round++) {
      const stored = await store.loadMany(left);
      const saves = left.flatMap((callSid) => next(callSid, stored.get(callSid) ?? null) ?? []);
      const outcomes = await store.save(saves);
      for (const [n, save] of saves.entries())
        if (outcomes[n] === "saved") changed.push(save.callSid);
      left = saves.filter((_, n) => outcomes[n] === "conflict").map((save) => save.callSid);
    }
    if (left.length > 0) {
      throw new RelayError(
        "store_unavailable",
        `${left.length} calls are being changed by others`,
        {
          retryable: true,
        },
      );
    }
  }
  return changed;
}
