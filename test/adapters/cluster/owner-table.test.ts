import { Kysely, PostgresDialect, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OwnershipChange, OwnerTable } from "../../../src/adapters/cluster/owner-table.js";
import { migrate } from "../../../src/adapters/store/migrations.js";
import { postgresPool } from "../../../src/adapters/store/postgres-pool.js";
import type { Tables } from "../../../src/adapters/store/tables.js";
import { findPostgres, type PrivatePostgres, startPostgres } from "../../fakes/postgres.js";
import { testSid } from "../../fakes/record-events.js";

const found = findPostgres();
const missing = "missing" in found ? found.missing : null;
const SILENT_MS = 12_000;
const STATUS = { node: "a", worker: 0, calls: 1, maxCalls: 5, draining: false };

describe.skipIf(missing !== null)("OwnerTable", () => {
  let server: PrivatePostgres;
  let db: Kysely<Tables>;
  let one: OwnerTable;
  let two: OwnerTable;
  beforeAll(async () => {
    if ("missing" in found) return;
    server = await startPostgres(found.bin);
    const pool = postgresPool(server.url, 2, () => {});
    db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    await migrate(db, "postgres");
    one = new OwnerTable(db, "p1");
    two = new OwnerTable(db, "p2");
    await one.heartbeat(STATUS);
    await two.heartbeat({ ...STATUS, node: "b", draining: true });
  }, 60_000);
  afterAll(async () => {
    await db.destroy();
    await server.remove();
  });
  const change = (n: number, what: OwnershipChange) => new Map([[testSid(n), what]]);

  it("names the former owner of a call that is claimed again", async () => {
    expect(await one.write(change(1, "claim"))).toEqual([]);
    expect(await two.write(change(1, "claim"))).toEqual([{ callSid: testSid(1), former: "p1" }]);
    expect(await one.ownerOf(testSid(1), SILENT_MS)).toBe("p2");
    expect(await two.write(change(1, "claim"))).toEqual([{ callSid: testSid(1), former: "p2" }]);
  });

  it("ignores a release by another process", async () => {
    await one.write(change(2, "claim"));
    await two.write(change(2, "release"));
    const row = await sql<{ until_ms: number | null }>`
      select until_ms from call_holders where call_sid = ${testSid(2)}`.execute(db);
    expect(row.rows).toEqual([{ until_ms: null }]);
  });

  it("has no owner for a call whose process is silent", async () => {
    await one.write(change(3, "claim"));
    expect(await two.ownerOf(testSid(3), SILENT_MS)).toBe("p1");
    expect(await two.ownerOf(testSid(3), 0)).toBeNull();
    expect(await two.ownerOf(testSid(99), SILENT_MS)).toBeNull();
  });

  it("lists living processes, and never reports a negative silence", async () => {
    await sql`update nodes set seen_ms = seen_ms + 3600000 where process = 'p2'`.execute(db);
    expect(await one.nodes(SILENT_MS)).toMatchObject([
      STATUS,
      { node: "b", draining: true, silentMs: 0 },
    ]);
    await two.heartbeat({ ...STATUS, node: "b" });
  });

  it("gives up its calls and its row when it leaves", async () => {
    await two.write(change(4, "claim"));
    await two.leave();
    expect(await one.ownerOf(testSid(4), SILENT_MS)).toBeNull();
    expect(await one.nodes(SILENT_MS)).toMatchObject([STATUS]);
  });
});
