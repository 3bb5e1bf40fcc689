/** Changes stored calls on behalf of processes that died. */
import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { SpoolEntry } from "../ports/spool.js";
import type { CallSave, CallStore, StoredCall, WriterId } from "../ports/store.js";
import { PROCESS_LOST } from "./live-call.js";
import { applyEvent, emptyRecord, lastKnownMs } from "./record.js";
import { applyReadable, type SetAsidePorts, setAside } from "./stored-record.js";

/**
 * Another writer that changes the same call this often in between is unexpected. Try again later.
 */
const MAX_ROUNDS = 8;
/** Calls that are read and saved together: parsing them takes a few milliseconds. */
const CALLS_PER_BATCH = 8;

/** Prices a record before it is stored. */
export type Finish = (record: CallRecord) => CallRecord;

export interface RecoveryPorts extends SetAsidePorts {
  readonly store: CallStore;
}

/**
 * Brings entries of a journal into the database, in order, without those that it has. Each entry
 * counts once, however often and with whatever part of the journal this is called.
 *
 * @returns  the calls that were changed and whose end is among the entries.
 */
export async function replay(
  ports: RecoveryPorts,
  writer: WriterId,
  entries: readonly SpoolEntry[],
  finish: Finish,
): Promise<readonly CallSid[]> {
  const byCall = groupByCall(entries);
  const changed = await change(ports, [...byCall.keys()], (callSid, stored) => {
    const done = stored?.applied[writer] ?? 0;
    const fresh = byCall.get(callSid)?.filter((entry) => entry.seq > done) ?? [];
    const last = fresh.at(-1);
    if (last === undefined) return null;
    // Late events of a call that is no longer stored: it was deleted, or retention removed it.
    if (stored === null && fresh[0]?.event.type !== "opened") return null;
    const events = fresh.map((entry) => entry.event);
    const record = applyReadable(stored?.record ?? emptyRecord(callSid), events);
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

function groupByCall(entries: readonly SpoolEntry[]): ReadonlyMap<CallSid, readonly SpoolEntry[]> {
  const byCall = new Map<CallSid, SpoolEntry[]>();
  for (const entry of entries) {
    const ofCall = byCall.get(entry.callSid);
    if (ofCall === undefined) byCall.set(entry.callSid, [entry]);
    // A batch that was partly written on a full disk is in the journal a second time, complete.
    else if (entry.seq > ofCall.at(-1)!.seq) ofCall.push(entry);
  }
  return byCall;
}

/**
 * Ends the live calls of dead processes as failed, with what is known of them.
 *
 * @param isDead  tells whether the process that owns a call is dead.
 * @returns       the calls that were ended.
 */
export async function finalise(
  ports: RecoveryPorts,
  callSids: readonly CallSid[],
  isDead: (owner: WriterId) => boolean,
  finish: Finish,
): Promise<readonly CallSid[]> {
  return await change(ports, callSids, (callSid, stored) => {
    if (stored === null || stored.record.state === "ended" || !isDead(stored.owner)) return null;
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

/**
 * Reads calls, changes and saves them. Repeats that for calls that another writer saved in between.
 *
 * @returns  the calls that were saved.
 */
async function change(
  ports: RecoveryPorts,
  callSids: readonly CallSid[],
  next: (callSid: CallSid, stored: StoredCall | null) => CallSave | null,
): Promise<readonly CallSid[]> {
  const { store } = ports;
  const changed: CallSid[] = [];
  for (let i = 0; i < callSids.length; i += CALLS_PER_BATCH) {
    let left = callSids.slice(i, i + CALLS_PER_BATCH);
    for (let round = 0; left.length > 0 && round < MAX_ROUNDS; round++) {
      const stored = await store.loadMany(left);
      const saves = left.flatMap((callSid) => next(callSid, stored.get(callSid) ?? null) ?? []);
      for (const { callSid } of saves) await setAside(callSid, stored.get(callSid) ?? null, ports);
      const outcomes = await store.save(saves);
      for (const [n, save] of saves.entries())
        if (outcomes[n] === "saved") changed.push(save.callSid);
      left = saves.filter((_, n) => outcomes[n] === "conflict").map((save) => save.callSid);
    }
    if (left.length > 0) {
      const message = `other processes keep changing ${left.length} calls`;
      throw new RelayError("store_unavailable", message, { retryable: true });
    }
  }
  return changed;
}
