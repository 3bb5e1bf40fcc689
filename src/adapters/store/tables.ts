/**
 * The types of the tables that `migrations.ts` creates. Times in columns `…_ms` are ms since the
 * epoch. Types only.
 */

import type { Generated } from "kysely";

export interface CallsTable {
  call_sid: string;
  version: number;
  owner: string;
  state: string;
  agent: string | null;
  direction: string;
  caller: string | null;
  from_number: string | null;
  to_number: string | null;
  outcome: string | null;
  started_ms: number;
  ended_ms: number | null;
  cost_usd: number | null;
  recording_sid: string | null;
  /** Null unless the recording of the call is on this machine. */
  recording_file: string | null;
  /** The CallRecord as JSON. */
  record: string;
  /** JSON: for each writer the number of its last event that `record` contains. */
  applied: string;
}

/** A view of the turns of ended calls, for people who use SQL. */
export interface TurnsView {
  call_sid: string;
  n: number;
  who: string;
  item_id: string;
  text: string | null;
  heard_text: string | null;
  started_ms: number | null;
  ended_ms: number | null;
  heard_ms: number | null;
  received_ms: number | null;
  interrupted_at_ms: number | null;
  voice_to_voice_ms: number | null;
}

/** What a search looks at: one row per ended call. */
export interface CallSearchTable {
  /** SQLite only: the row's id in `call_words`. */
  id: Generated<number>;
  call_sid: string;
  started_ms: number;
  duration_ms: number | null;
  agent: string | null;
  outcome: string | null;
  end_reason: string | null;
  caller: string | null;
  from_number: string | null;
  to_number: string | null;
  destination: string | null;
  latency_ms: number | null;
  interruptions: number;
  failed_tools: number;
  cost_usd: number | null;
  /** Size of the record. */
  bytes: number;
  node: Generated<string | null>;
  /** What the rules found: a bit for each of REVIEW_FLAGS, the first one lowest. */
  flags: Generated<number>;
  /** A JSON list: what the call is counted by. See `count-schema.ts`. */
  facets: Generated<string>;
  /** The version of the rules by which the call's flags were set; 0: of an earlier release. */
  rules: Generated<number>;
  /** PostgreSQL only: a tsvector. */
  words: Generated<string>;
}

/** SQLite only: the words of ended calls, as an FTS5 table without content. */
export interface CallWordsTable {
  rowid: number;
  words: string;
}

/** Ended calls whose search row is missing or outdated. */
export interface SearchPendingTable {
  call_sid: string;
}

/** What people said of calls. */
export interface CallReviewsTable {
  call_sid: string;
  rating: number | null;
  rated_by: string | null;
  /** Null: not reviewed. */
  done_ms: number | null;
  done_by: string | null;
}

export interface CallTagsTable {
  call_sid: string;
  tag: string;
}

export interface CallNotesTable {
  id: string;
  call_sid: string;
  at_ms: number;
  operator: string;
  text: string;
}

export interface DeletedCallsTable {
  call_sid: string;
  deleted_ms: number;
}

export interface WritersTable {
  writer: string;
  node: string;
  seen_ms: number;
}

export interface CallStateTable {
  key: string;
  value: string;
  version: number;
  expires_ms: number;
}

export interface JobsTable {
  id: string;
  kind: string;
  call_sid: string;
  payload: string;
  /** "due", "taken", "done" or "dead". */
  state: string;
  attempts: number;
  /** When the job is due; while it is taken, when the lease ends. */
  run_at_ms: number;
  holder: string | null;
  error: string | null;
  changed_ms: number;
}

export interface OrdersTable {
  number: string;
  email: string | null;
  status: string;
  /** A JSON array of strings. */
  items: string;
  expected: string | null;
}

export interface AppointmentsTable {
  number: string;
  name: string;
  date: string;
  time: string;
  topic: string | null;
}

/** Processes that own calls. Each renews its row every few seconds. */
export interface NodesTable {
  process: string;
  node: string;
  worker: number;
  calls: number;
  max_calls: number;
  draining: number;
  seen_ms: number;
}

/** The process that owns a call. */
export interface CallHoldersTable {
  call_sid: string;
  process: string;
  /** When the row may be deleted; null while the call is live. */
  until_ms: number | null;
}

/** What operators did. */
export interface AuditTable {
  id: string;
  at_ms: number;
  operator: string;
  role: string;
  action: string;
  call_sid: string | null;
  status: number;
}

export interface MigrationsTable {
  name: string;
  applied_ms: number;
}

export interface Tables {
  calls: CallsTable;
  turns: TurnsView;
  call_search: CallSearchTable;
  call_words: CallWordsTable;
  search_pending: SearchPendingTable;
  call_reviews: CallReviewsTable;
  call_tags: CallTagsTable;
  call_notes: CallNotesTable;
  deleted_calls: DeletedCallsTable;
  writers: WritersTable;
  call_state: CallStateTable;
  jobs: JobsTable;
  orders: OrdersTable;
  appointments: AppointmentsTable;
  nodes: NodesTable;
  call_holders: CallHoldersTable;
  audit: AuditTable;
  murelay_migrations: MigrationsTable;
}
