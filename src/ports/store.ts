/**
 * What the records ask of a database. `adapters/store` answers it on SQLite and on PostgreSQL alike. Types only.
 * Every method rejects with a RelayError `store_unavailable` (retryable) while the database is away.
 */

import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type { CallOutcome } from "../domain/record-event.js";

/** A process that writes records, unique for its lifetime. Its events are numbered from 1 by itself. */
export type WriterId = string;

export interface StoredCall {
  readonly record: CallRecord;
  /** Grows by one with every save. */
  readonly version: number;
  /** The number of the last event of each writer that `record` contains. */
  readonly applied: Readonly<Record<WriterId, number>>;
  readonly owner: WriterId;
}

export interface CallSave {
  readonly callSid: CallSid;
  readonly record: CallRecord;
  readonly applied: Readonly<Record<WriterId, number>>;
  /** The version that this save is built on; 0 = the call is not stored yet. */
  readonly basedOn: number;
  /** Who answers for the call while it lives. */
  readonly owner: WriterId;
}

/** "conflict": another writer was here first; load and try again. "deleted": the call was deleted, nothing is kept of it. */
export type SaveOutcome = "saved" | "conflict" | "deleted";

export interface CallFilter {
  readonly state?: "live" | "ended";
  readonly agent?: string;
  readonly outcome?: CallOutcome;
  /** Calls that began at or after this; ms since the epoch. */
  readonly sinceMs?: number;
  /** Calls that began before this; ms since the epoch. */
  readonly untilMs?: number;
  /** The other party's number: the caller of an inbound call, who was called by an outbound one. */
  readonly caller?: string;
}

/** Where a page begins: after this call, newest first. */
export interface CallCursor {
  readonly startedMs: number;
  readonly callSid: CallSid;
}

export interface CallStore {
  /** One transaction; the outcomes in the order of the saves. */
  save(saves: readonly CallSave[]): Promise<readonly SaveOutcome[]>;
  load(callSid: CallSid): Promise<StoredCall | null>;
  /** Those of the calls that are stored. */
  loadMany(callSids: readonly CallSid[]): Promise<ReadonlyMap<CallSid, StoredCall>>;
  /** Newest first, at most `limit`. */
  list(filter: CallFilter, after: CallCursor | null, limit: number): Promise<readonly CallRecord[]>;
  /** True when there was something. The call stays deleted: what still arrives of it is not stored. */
  remove(callSid: CallSid): Promise<boolean>;

  /** This writer lives. */
  heartbeat(writer: WriterId, node: string): Promise<void>;
  /** Forgets a writer that ended in order, or whose calls have been finalised. */
  forgetWriter(writer: WriterId): Promise<void>;
  /** Live calls of one writer. */
  liveCallsOf(writer: WriterId): Promise<readonly CallSid[]>;
  /** Live calls whose writer has shown no life for `silentMs`, by the database's clock. */
  abandonedCalls(silentMs: number, limit: number): Promise<readonly CallSid[]>;

  /** Ended calls that began before `untilMs`, oldest first. */
  expiredCalls(untilMs: number, limit: number): Promise<readonly CallSid[]>;
  /** Ended calls that began before `untilMs` and still have a recording, oldest first. */
  expiredRecordings(untilMs: number, limit: number): Promise<readonly CallSid[]>;
  /** Ended calls with a recording at Twilio that nothing here is fetching, or has given up. */
  unfetchedRecordings(
    limit: number,
  ): Promise<readonly { readonly callSid: CallSid; readonly recordingSid: string }[]>;
  /** Forgets state, tombstones, finished jobs and silent writers that are past their time. */
  sweep(): Promise<void>;
}

/** Small facts that several nodes share for a while: one-shot tokens, webhook ids, the state of a transfer. */
export interface SharedState {
  /** True for exactly one of all who ever ask for this key within `ttlMs`. */
  claimOnce(key: string, ttlMs: number): Promise<boolean>;
  getState(key: string): Promise<{ readonly value: string; readonly version: number } | null>;
  /**
   * Stores a value for `ttlMs`. With `ifVersion` (0 = there is none) only when that is still the stored version.
   * True when it was stored.
   */
  putState(key: string, value: string, ttlMs: number, ifVersion?: number): Promise<boolean>;
  removeState(key: string): Promise<void>;
}

export type JobKind = "recording_download" | "recording_transcribe" | "recording_remove";

export interface NewJob {
  readonly kind: JobKind;
  readonly callSid: CallSid;
  /** One job a key, however often it is asked for. */
  readonly key: string;
  readonly payload: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Job extends NewJob {
  readonly id: string;
  /** This try included. */
  readonly attempts: number;
}

export interface JobQueue {
  /** False: a job of this key was there already. */
  addJob(job: NewJob): Promise<boolean>;
  /** Takes the next due job for `leaseMs`; after that it is due again, whoever held it. */
  takeJob(writer: WriterId, leaseMs: number): Promise<Job | null>;
  finishJob(id: string): Promise<void>;
  /** Due again in `afterMs`; null = given up, kept as dead with its error. */
  failJob(id: string, error: string, afterMs: number | null): Promise<void>;
  deadJobs(limit: number): Promise<readonly (Job & { readonly error: string })[]>;
}

export interface Store extends CallStore, SharedState, JobQueue {
  /** "sqlite" or "postgres": for the log. */
  readonly kind: "sqlite" | "postgres";
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
