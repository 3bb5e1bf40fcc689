import { type Kysely, sql, type Transaction } from "kysely";
import { COUNT_MIGRATION } from "./count-schema.js";
import { databaseNowMs } from "./database-clock.js";
import type { DatabaseKind } from "./fixed-sql.js";
import type { Migration } from "./migration.js";
import { REVIEW_MIGRATION } from "./review-schema.js";
import { SEARCH_MIGRATION } from "./search-schema.js";
import type { Tables } from "./tables.js";

/** Any number that no other program uses in this database. */
const ADVISORY_LOCK = 7_283_640_115;
/** PostgreSQL: what uses a table that is to be changed waits behind a migration that waits. */
const LOCK_TIMEOUT_MS = 10_000;

/** Columns of the view `turns` that are times, named as in the record. */
const TURN_TIMES = [
  "startedMs",
  "endedMs",
  "heardMs",
  "receivedMs",
  "interruptedAtMs",
  "voiceToVoiceMs",
];

/** The turns of ended calls, one row each, read from the records. */
const TURNS_VIEW = {
  sqlite: `create view turns as select call_sid, cast(turn.key as integer) as n,
    turn.value ->> 'who' as who, turn.value ->> 'itemId' as item_id,
    turn.value ->> 'text' as text, turn.value ->> 'heardText' as heard_text,
    ${TURN_TIMES.map((name) => `turn.value ->> '${name}' as ${snakeCase(name)}`).join(", ")}
    from calls, json_each(record, '$.turns') as turn where state = 'ended'`,
  postgres: `create view turns as select call_sid, cast(place - 1 as integer) as n,
    turn ->> 'who' as who, turn ->> 'itemId' as item_id,
    turn ->> 'text' as text, turn ->> 'heardText' as heard_text,
    ${TURN_TIMES.map(toDoubleColumn).join(", ")}
    from calls,
    jsonb_array_elements(cast(record as jsonb) -> 'turns') with ordinality as list (turn, place)
    where state = 'ended'`,
} as const;

function toDoubleColumn(name: string): string {
  return `cast(turn ->> '${name}' as double precision) as ${snakeCase(name)}`;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** In order. A released migration is never changed: a change is a new migration. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: "0001-records",
    statements: [
      `create table calls (
        call_sid text primary key, version bigint not null, owner text not null,
        state text not null, agent text, direction text not null, caller text, from_number text,
        to_number text, outcome text, started_ms bigint not null, ended_ms bigint,
        cost_usd double precision, recording_sid text, recording_file text,
        record text not null, applied text not null)`,
      "create index calls_by_start on calls (started_ms, call_sid)",
      "create index calls_by_state on calls (state, owner)",
      "create index calls_by_from on calls (from_number, started_ms)",
      "create index calls_by_to on calls (to_number, started_ms)",
      `create table turns (
        call_sid text not null references calls (call_sid) on delete cascade, n integer not null,
        who text not null, item_id text not null, text text, heard_text text,
        started_ms double precision, ended_ms double precision,
        heard_ms double precision, received_ms double precision, interrupted_at_ms double precision,
        voice_to_voice_ms double precision, primary key (call_sid, n))`,
      "create table deleted_calls (call_sid text primary key, deleted_ms bigint not null)",
      "create table writers (writer text primary key, node text not null, seen_ms bigint not null)",
      `create table call_state (
        key text primary key, value text not null, version bigint not null,
        expires_ms bigint not null)`,
      "create index call_state_by_expiry on call_state (expires_ms)",
      `create table jobs (
        id text primary key, kind text not null, call_sid text not null, payload text not null,
        state text not null, attempts integer not null, run_at_ms bigint not null, holder text,
        error text, changed_ms bigint not null)`,
      "create index jobs_by_due on jobs (state, run_at_ms)",
      "create index jobs_by_call on jobs (call_sid)",
      `create table orders (
        number text primary key, email text, status text not null, items text not null,
        expected text)`,
      "create index orders_by_email on orders (email)",
      `create table appointments (
        number text primary key, name text not null, date text not null, time text not null,
        topic text, unique (date, time))`,
      // The orders of the sample tools: the same three as in the demo without a database.
      `insert into orders (number, email, status, items, expected) values
        ('4217', 'ada@example.com', 'delayed: the parcel was carried away by monkeys',
        '["one crate of bananas"]', 'in three days'),
        ('1001', 'grace@example.com', 'delivered', '["desk lamp","two bulbs"]', null),
        ('1002', 'linus@example.com', 'on its way', '["keyboard"]', 'tomorrow')`,
    ],
  },
  {
    name: "0003-nodes",
    statements: [
      `create table nodes (
        process text primary key, node text not null, worker integer not null,
        calls integer not null, max_calls integer not null, draining integer not null,
        seen_ms bigint not null)`,
      `create table call_holders (
        call_sid text primary key, process text not null, until_ms bigint)`,
      "create index call_holders_by_process on call_holders (process)",
      "create index call_holders_by_end on call_holders (until_ms)",
    ],
  },
  {
    // The turns were stored twice, which was a third of the cost of writing a call.
    name: "0004-turns-as-a-view",
    statements: ["drop table turns", TURNS_VIEW],
  },
  SEARCH_MIGRATION,
  {
    name: "0006-audit",
    statements: [
      `create table audit (
        id text primary key, at_ms bigint not null, operator text not null, role text not null,
        action text not null, call_sid text, status integer not null)`,
      "create index audit_by_time on audit (at_ms, id)",
      "create index audit_by_call on audit (call_sid, at_ms)",
    ],
  },
  REVIEW_MIGRATION,
  COUNT_MIGRATION,
];

/**
 * Applies the missing migrations, in one transaction and under a lock. Nodes may start together:
 * one migrates, the others wait and find it done. On SQLite `BEGIN IMMEDIATE`, with which every
 * transaction starts, is the lock.
 *
 * @returns the names of the migrations that were applied.
 */
export async function migrate(
  db: Kysely<Tables>,
  kind: DatabaseKind,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<string[]> {
  return await db.transaction().execute(async (tx) => {
    if (kind === "postgres") await lock(tx);
    await sql`create table if not exists murelay_migrations (
      name text primary key, applied_ms bigint not null)`.execute(tx);
    const rows = await tx.selectFrom("murelay_migrations").select("name").execute();
    const known = new Set(rows.map((row) => row.name));
    const missing = migrations.filter((migration) => !known.has(migration.name));
    for (const migration of missing) await apply(tx, kind, migration);
    return missing.map((migration) => migration.name);
  });
}

/** PostgreSQL. Once it has its locks, a statement takes as long as the tables are large. */
async function lock(tx: Transaction<Tables>): Promise<void> {
  await sql`set local statement_timeout = 0`.execute(tx);
  await sql`set local lock_timeout = ${sql.lit(LOCK_TIMEOUT_MS)}`.execute(tx);
  await sql`select pg_advisory_xact_lock(${ADVISORY_LOCK})`.execute(tx);
}

async function apply(
  tx: Transaction<Tables>,
  kind: DatabaseKind,
  migration: Migration,
): Promise<void> {
  for (const statement of migration.statements) {
    const text = typeof statement === "string" ? statement : statement[kind];
    if (text !== undefined) await sql.raw(text).execute(tx);
  }
  await tx
    .insertInto("murelay_migrations")
    .values({ name: migration.name, applied_ms: databaseNowMs(kind) })
    .execute();
}
