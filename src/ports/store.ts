/**
 * What records need from a database. `adapters/store` implements it for SQLite and PostgreSQL, with
 * the same behaviour. Types only. Every method rejects with a RelayError `store_unavailable`
 * (retryable) while the database is away.
 */

import type { CallRecord } from "../domain/call-record.js";
import type { CallReview, Rating, ReviewFlag } from "../domain/call-review.js";
import type { CallSid } from "../domain/ids.js";
import type { OperatorRole } from "../domain/operator.js";
import type { CallOutcome } from "../domain/record-event.js";

/** Identifies one run of a process that writes records. It numbers its own events from 1. */
export type WriterId = string;

export interface StoredCall {
  readonly record: CallRecord;
  /** Increases by one with every save. */
  readonly version: number;
  /** For each writer the number of its last event that `record` contains. */
  readonly applied: Readonly<Record<WriterId, number>>;
  readonly owner: WriterId;
  /**
   * The record as it is stored, which could not be read: `record` holds only what stands beside it.
   * Absent: it could be read.
   */
  readonly unreadable?: string;
}

export interface CallSave {
  readonly callSid: CallSid;
  readonly record: CallRecord;
  readonly applied: Readonly<Record<WriterId, number>>;
  /** The version that this save is based on; 0 when the call is not stored yet. */
  readonly basedOn: number;
  /** The process that owns the call while it is live. */
  readonly owner: WriterId;
}

/**
 * "conflict": another writer saved the call in between; load it and try again. "deleted": the call
 * was deleted, and nothing of it is stored.
 */
export type SaveOutcome = "saved" | "conflict" | "deleted";

export interface CallFilter {
  readonly state?: "live" | "ended";
  readonly agent?: string;
  readonly outcome?: CallOutcome;
  /** Calls that began at or after this; ms since the epoch. */
  readonly sinceMs?: number;
  /** Calls that began before this; ms since the epoch. */
  readonly untilMs?: number;
  /** The other party's number: of an inbound call `from`, of an outbound call `to`. */
  readonly caller?: string;
}

/** The order of found calls, the highest value first: "started" is newest first. */
export type CallSort = "started" | "duration" | "latency" | "cost" | "interruptions";

/** Properties of ended calls, beside those of every call. */
export interface CallQuery extends CallFilter {
  /** Words that were said, a number or a part of one, or a CallSid: see `parseSearch`. */
  readonly text?: string;
  readonly endReason?: string;
  /** Destination of the last transfer. */
  readonly destination?: string;
  /** The longest voice-to-voice time of the call, at least. */
  readonly minLatencyMs?: number;
  readonly minDurationMs?: number;
  readonly minCostUsd?: number;
  /** The caller interrupted the agent at least once. */
  readonly interrupted?: boolean;
  readonly minInterruptions?: number;
  /** A tool failed at least once. */
  readonly toolFailed?: boolean;
  readonly node?: string;
  /** A rule found this. */
  readonly flag?: ReviewFlag;
  /** "open": found by a rule and not reviewed yet; "done": reviewed. */
  readonly review?: "open" | "done";
  readonly tag?: string;
  readonly rating?: Rating;
  readonly sort?: CallSort;
}

/** A page begins after this call. */
export interface CallCursor {
  /** What the calls are sorted by: ms since the epoch for "started". */
  readonly value: number;
  readonly callSid: CallSid;
}

export interface FoundCall {
  readonly callSid: CallSid;
  /** About the size of the record as JSON. */
  readonly bytes: number;
  /** The page after this call begins here. */
  readonly cursor: CallCursor;
}

/** What ended calls are counted by: the names of the parameters of `GET /api/calls`. */
export const FACETS = [
  "agent",
  "outcome",
  "end_reason",
  "destination",
  "node",
  "interrupted",
  "tool_failed",
  "flag",
  "review",
  "rating",
  "tag",
] as const;
export type Facet = (typeof FACETS)[number];

/** For each facet the values and how many calls have each, the most frequent first. */
export interface CallCounts {
  readonly total: number;
  readonly counts: Readonly<Record<Facet, readonly (readonly [value: string, calls: number])[]>>;
}

/** What is known of the last time on each node: of calls that ended. */
export interface NodeSpan {
  readonly node: string | null;
  readonly calls: number;
  readonly failed: number;
  readonly costUsd: number;
  /** The mean of the calls' longest voice-to-voice times; null: no call has one. */
  readonly latencyMs: number | null;
}

/** How records are written: the calls of a list, or of an export with their reviews. */
export type RecordForm = "json" | "csv" | "export_json" | "export_csv" | "export_jsonl";

export interface RecordsWanted {
  readonly callSids: readonly CallSid[];
  readonly form: RecordForm;
  /** Phone numbers are masked. */
  readonly masked: boolean;
  /** Records that are newer than the stored ones, as JSON. */
  readonly newer: ReadonlyMap<CallSid, string>;
  /** For an export. */
  readonly reviews: ReadonlyMap<CallSid, CallReview>;
}

export interface WrittenRecords {
  /** UTF-8. JSON: the records with commas between them. CSV and lines of JSON: whole lines. */
  readonly text: Uint8Array;
  /** How many there are: calls that are not stored are missing. */
  readonly count: number;
}

export interface IndexedCalls {
  /** How many calls were looked at; fewer than were asked for: no more are left. */
  readonly count: number;
  /** Those whose stored record cannot be read: they are not found by their properties. */
  readonly unreadable: readonly CallSid[];
}

export interface CallStore {
  /** One transaction. Returns the outcomes in the order of the saves. */
  save(saves: readonly CallSave[]): Promise<readonly SaveOutcome[]>;
  load(callSid: CallSid): Promise<StoredCall | null>;
  /** Calls that are not stored are missing in the result. */
  loadMany(callSids: readonly CallSid[]): Promise<ReadonlyMap<CallSid, StoredCall>>;
  /** At most `limit` calls, without their records: a caller loads as many as it can use at once. */
  find(query: CallQuery, after: CallCursor | null, limit: number): Promise<readonly FoundCall[]>;
  /**
   * How many ended calls a query finds, and how many have each value of each facet. A facet that
   * the query itself asks for is counted as if it did not, so that the other values can be chosen.
   */
  count(query: CallQuery): Promise<CallCounts>;
  /** Ended calls that began at or after this, by node. */
  sumByNode(sinceMs: number): Promise<readonly NodeSpan[]>;
  /** Records as they are stored, as JSON. Calls that are not stored are missing in the result. */
  loadJson(callSids: readonly CallSid[]): Promise<ReadonlyMap<CallSid, string>>;
  /**
   * Reads records and writes them for an answer, beside the thread that carries sound. The text
   * belongs to the caller.
   */
  writeRecords(wanted: RecordsWanted): Promise<WrittenRecords>;
  /** Makes some ended calls findable by `CallQuery`: new ones, and those that have changed. */
  indexCalls(limit: number): Promise<IndexedCalls>;
  /**
   * Deletes a call and keeps a tombstone: events that arrive later are not stored. True when there
   * was something to delete.
   */
  remove(callSid: CallSid): Promise<boolean>;

  /** Records that this writer is alive. */
  heartbeat(writer: WriterId, node: string): Promise<void>;
  /** Forgets a writer that has closed, or whose calls recovery has ended. */
  forgetWriter(writer: WriterId): Promise<void>;
  /** Live calls of one writer. */
  liveCallsOf(writer: WriterId): Promise<readonly CallSid[]>;
  /** Live calls whose owner has sent no heartbeat for `silentMs`, by the database's clock. */
  abandonedCalls(silentMs: number, limit: number): Promise<readonly CallSid[]>;

  /** Ended calls that began before `untilMs`, oldest first. */
  expiredCalls(untilMs: number, limit: number): Promise<readonly CallSid[]>;
  /** Ended calls that began before `untilMs` and still have a recording, oldest first. */
  expiredRecordings(untilMs: number, limit: number): Promise<readonly CallSid[]>;
  /** Ended calls with a recording at Twilio for which no job was ever stored. */
  unfetchedRecordings(
    limit: number,
  ): Promise<readonly { readonly callSid: CallSid; readonly recordingSid: string }[]>;
  /** Deletes expired state, and old tombstones, finished jobs and silent writers. */
  sweep(): Promise<void>;
}

/**
 * Small values that nodes share for a while: one-shot tokens, webhook ids, the state of a transfer.
 */
export interface SharedState {
  /** True for exactly one of all processes that claim this key within `ttlMs`. */
  claimOnce(key: string, ttlMs: number): Promise<boolean>;
  getState(key: string): Promise<{ readonly value: string; readonly version: number } | null>;
  /**
   * Stores a value for `ttlMs`. With `ifVersion` (0: no value is stored) only while that is the
   * stored version. True when it was stored.
   */
  putState(key: string, value: string, ttlMs: number, ifVersion?: number): Promise<boolean>;
  removeState(key: string): Promise<void>;
}

export type JobKind = "recording_download" | "recording_transcribe" | "recording_remove";

export interface NewJob {
  readonly kind: JobKind;
  readonly callSid: CallSid;
  /** One job per key, however often it is added. */
  readonly key: string;
  readonly payload: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Job extends NewJob {
  readonly id: string;
  /** Including this one. */
  readonly attempts: number;
}

export interface JobQueue {
  /** False when a job with this key exists already. */
  addJob(job: NewJob): Promise<boolean>;
  /**
   * Takes the next job that is due. It is due again after `leaseMs`, or when its holder has sent no
   * heartbeat for `holderSilentMs` or was forgotten.
   */
  takeJob(writer: WriterId, leaseMs: number, holderSilentMs: number): Promise<Job | null>;
  finishJob(id: string): Promise<void>;
  /** The job is due again in `afterMs`; null: it is given up and kept as dead with its error. */
  failJob(id: string, error: string, afterMs: number | null): Promise<void>;
  deadJobs(limit: number): Promise<readonly (Job & { readonly error: string })[]>;
}

/** One act of an operator. */
export interface AuditEntry {
  /** Unique over all processes. */
  readonly id: string;
  readonly epochMs: number;
  readonly operator: string;
  readonly role: OperatorRole;
  /** A fixed name, for example "note". */
  readonly action: string;
  /** Null: the act concerned no call. */
  readonly callSid: CallSid | null;
  /** HTTP status of the answer: what became of the act. */
  readonly status: number;
}

export interface AuditQuery {
  readonly callSid?: CallSid;
  readonly operator?: string;
  readonly action?: string;
  /** True: only acts that were refused or failed; false: only the others. */
  readonly refused?: boolean;
  /** At or after this; ms since the epoch. */
  readonly sinceMs?: number;
  /** Before this; ms since the epoch. */
  readonly untilMs?: number;
}

/** A page begins after this entry. */
export type AuditCursor = Pick<AuditEntry, "epochMs" | "id">;

export interface AuditStore {
  /** An entry that is stored already stays as it is. */
  addAudit(entries: readonly AuditEntry[]): Promise<void>;
  /** Newest first. */
  findAudit(
    query: AuditQuery,
    after: AuditCursor | null,
    limit: number,
  ): Promise<readonly AuditEntry[]>;
  /** Deletes at most `limit` acts before this, the oldest first. @returns how many. */
  removeAudit(beforeMs: number, limit: number): Promise<number>;
}

/** A change of a review; what is absent stays as it is. */
export interface ReviewChange {
  readonly by: string;
  readonly epochMs: number;
  /** Null: the rating is taken back. */
  readonly rating?: Rating | null;
  readonly addTags?: readonly string[];
  readonly removeTags?: readonly string[];
  /** `id` is unique over all processes. */
  readonly note?: { readonly id: string; readonly text: string };
  readonly reviewed?: boolean;
}

/** "not_found": no such call is stored; "full": the call has as many tags or notes as it may. */
export type ReviewOutcome = "changed" | "not_found" | "full";

export interface ReviewStore {
  changeReview(callSid: CallSid, change: ReviewChange): Promise<ReviewOutcome>;
  /** Calls that have neither a flag nor a review are missing in the result. */
  reviewsOf(callSids: readonly CallSid[]): Promise<ReadonlyMap<CallSid, CallReview>>;
}

export interface Store extends CallStore, SharedState, JobQueue, AuditStore, ReviewStore {
  /** "sqlite" or "postgres": for the log. */
  readonly kind: "sqlite" | "postgres";
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
