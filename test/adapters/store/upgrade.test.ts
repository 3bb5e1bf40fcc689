/**
 * Nodes of two releases run together while a cluster is updated. The first new node migrates; from
 * then on the old ones write to the new tables. The last release ends with migration 0004.
 */
import { Kysely, PostgresDialect } from "kysely";
import { afterAll, describe, expect, it } from "vitest";
import type { Migration } from "../../../src/adapters/store/migration.js";
import { MIGRATIONS, migrate } from "../../../src/adapters/store/migrations.js";
import { type OpenStore, openStore } from "../../../src/adapters/store/open-store.js";
import { postgresPool } from "../../../src/adapters/store/postgres-pool.js";
import { SqliteDialect } from "../../../src/adapters/store/sqlite-dialect.js";
import type { Tables } from "../../../src/adapters/store/tables.js";
import type { CallSid } from "../../../src/domain/ids.js";
import { applyEvent, emptyRecord } from "../../../src/records/record.js";
import { storedRecords } from "../../fakes/stored-records.js";
import { storeKinds } from "../../fakes/stores.js";

const RELEASED = "0004-turns-as-a-view";
const released = MIGRATIONS.findIndex(({ name }) => name === RELEASED) + 1;
const sid = (n: number) => `CA${String(n).padStart(32, "0")}` as CallSid;

/**
 * What an old node survives: new tables, indexes, views, functions and triggers, rows of the new
 * tables, and columns that it need not fill.
 */
const EXPANDS = [
  /^create (unique )?(table|index|view|virtual table|trigger|function)\b/i,
  /^insert into \w+/i,
  /^alter table \w+ add column (?!.* not null)/i,
  /^alter table \w+ add column .+ not null default .+$/i,
];

function contracting(migrations: readonly Migration[]): readonly string[] {
  const textsOf = ({ statements }: Migration): readonly string[] =>
    statements.flatMap((one) => (typeof one === "string" ? [one] : Object.values(one)));
  // What an old node does not know may change as it likes.
  const made = migrations
    .flatMap(textsOf)
    .flatMap((text) => /^create (?:table|index) (\w+)/i.exec(text.trim())?.[1] ?? []);
  const isOfNewTable = (text: string): boolean =>
    made.includes(/^(?:update|alter table|drop index) (\w+)/i.exec(text.trim())?.[1] ?? "");
  return migrations.flatMap((migration) =>
    textsOf(migration)
      .filter((text) => !EXPANDS.some((form) => form.test(text.trim())) && !isOfNewTable(text))
      .map((text) => `${migration.name}: ${text}`),
  );
}

describe("migrations after the last release", () => {
  it("only expand, so that nodes of that release go on writing", () => {
    expect(released).toBeGreaterThan(0);
    expect(contracting(MIGRATIONS.slice(released))).toEqual([]);
  });

  it.each([
    ["drop table turns", true],
    ["alter table calls drop column agent", true],
    ["alter table calls rename column agent to name", true],
    ["alter table calls add column queue text not null", true],
    ["alter table calls alter column agent type integer", true],
    ["update calls set agent = 'x'", true],
    ["alter table calls add column queue text", false],
    ["alter table calls add column queue text not null default ''", false],
    ["create table queues (id text primary key)", false],
  ])("are found where they take something away: %s", (text, found) => {
    expect(contracting([{ name: "9", statements: [text] }])).toHaveLength(found ? 1 : 0);
  });
});

/** A record as an old node writes it. */
function recordOf(n: number, agent: string) {
  const opened = applyEvent(emptyRecord(sid(n)), {
    type: "opened",
    epochMs: 1_763_000_000_000 + n,
    agent,
    direction: "inbound",
    from: "+15550001111",
    to: "+15550002222",
    path: "media-stream",
    node: "old",
  });
  return applyEvent(opened, { type: "ended", atMs: 60_000, outcome: "completed", reason: "done" });
}

/** The statements of the last release, by the text that its code sends. */
const OLD = {
  insertCall: (n: number, state: "live" | "ended") => {
    const record = JSON.stringify(recordOf(n, "support"));
    const columns = [
      "call_sid, version, owner, state, agent, direction, caller, from_number, to_number",
      "outcome, started_ms, ended_ms, cost_usd, recording_sid, recording_file, record, applied",
    ];
    return `insert into calls (${columns.join(", ")}) values ('${sid(n)}', 1, 'old', '${state}',
      'support', 'inbound', '+15550001111', '+15550001111', '+15550002222', 'completed',
      ${1_763_000_000_000 + n}, 1763000060000, 0.1, null, null, '${record}', '{"old":1}')`;
  },
  endCall: (n: number) =>
    `update calls set state = 'ended', version = 2 where call_sid = '${sid(n)}' and version = 1`,
  removeCall: (n: number) => `delete from calls where call_sid = '${sid(n)}'`,
  rest: [
    "insert into writers (writer, node, seen_ms) values ('old', 'n1', 1)",
    `insert into nodes (process, node, worker, calls, max_calls, draining, seen_ms)
      values ('old', 'n1', 0, 1, 500, 0, 1)`,
    `insert into call_holders (call_sid, process, until_ms) values ('${sid(1)}', 'old', null)`,
    `insert into call_state (key, value, version, expires_ms) values ('k', 'v', 1, 9)`,
    `insert into jobs (id, kind, call_sid, payload, state, attempts, run_at_ms, holder, error,
      changed_ms) values ('j', 'recording', '${sid(1)}', '{}', 'waiting', 0, 1, null, null, 1)`,
    `insert into deleted_calls (call_sid, deleted_ms) values ('${sid(99)}', 1)`,
  ],
};

describe.each(storeKinds())("a database of the last release, on $name", (kind) => {
  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }
  afterAll(async () => await kind.dispose());

  async function migrateTo(url: string, count: number): Promise<void> {
    const db = new Kysely<Tables>({
      dialect:
        kind.name === "sqlite"
          ? new SqliteDialect(url.replace("sqlite:", ""), () => {})
          : new PostgresDialect({ pool: postgresPool(url, 2, () => {}) }),
    });
    await migrate(db, kind.name, MIGRATIONS.slice(0, count));
    await db.destroy();
  }

  async function found(store: OpenStore): Promise<readonly string[]> {
    for (let more = 1; more > 0; ) more = (await store.indexCalls(100)).count;
    return (await storedRecords(store, {})).map(({ callSid }) => callSid).sort();
  }

  it("keeps its calls, and old nodes go on writing to it after the migration", async () => {
    const url = await kind.newDatabase();
    await migrateTo(url, released);
    await kind.execute(url, OLD.insertCall(1, "ended"));
    await kind.execute(url, OLD.insertCall(2, "live"));

    // The first new node comes.
    const store = await openStore(url, () => {});
    expect(await found(store)).toEqual([sid(1), sid(2)]);

    // An old node that still runs.
    await kind.execute(url, OLD.endCall(2));
    await kind.execute(url, OLD.insertCall(3, "ended"));
    for (const statement of OLD.rest) await kind.execute(url, statement);
    await kind.execute(url, OLD.removeCall(1));
    expect(await kind.query(url, "select call_sid from turns")).toEqual([]);

    // The new one sees all of it, and its search finds what the old one wrote.
    expect(await found(store)).toEqual([sid(2), sid(3)]);
    const page = await store.find({ agent: "support" }, null, 10);
    expect(page).toHaveLength(2);
    expect((await store.load(sid(3)))?.record).toMatchObject({ outcome: "completed" });
    await store.close();

    // And back: the new node is taken out, the old one reads and writes as before.
    await kind.execute(url, OLD.insertCall(4, "ended"));
    const rows = await kind.query(url, "select call_sid from calls where state = 'ended'");
    expect(rows).toHaveLength(3);
  });

  it("counts the calls that were indexed before there were counts in one pass", async () => {
    const url = await kind.newDatabase();
    await migrateTo(
      url,
      MIGRATIONS.findIndex(({ name }) => name === "0008-counts"),
    );
    const columns =
      "call_sid, started_ms, agent, outcome, interruptions, failed_tools, flags, bytes";
    const words = kind.name === "postgres" ? [", words", ", to_tsvector('simple', 'a')"] : ["", ""];
    await kind.execute(
      url,
      `insert into call_search (${columns}${words[0]})
        values ('${sid(1)}', 1, 'support', 'failed', 2, 0, 3, 9${words[1]}),
          ('${sid(2)}', 2, null, 'completed', 0, 1, 0, 9${words[1]})`,
    );
    const store = await openStore(url, () => {});
    const { total, counts } = await store.count({});
    expect([total, counts.agent, counts.outcome]).toEqual([
      2,
      [["support", 1]],
      [
        ["completed", 1],
        ["failed", 1],
      ],
    ]);
    expect([counts.interrupted, counts.tool_failed, counts.flag.length]).toEqual([
      [
        ["false", 1],
        ["true", 1],
      ],
      [
        ["false", 1],
        ["true", 1],
      ],
      2,
    ]);
    expect((await store.count({ agent: "support", interrupted: true })).total).toBe(1);
    await store.close();
  });
});
