import { type Dialect, Kysely, PostgresDialect, sql } from "kysely";
import { afterAll, describe, expect, it } from "vitest";
import { MIGRATIONS, migrate } from "../../../src/adapters/store/migrations.js";
import { postgresPool } from "../../../src/adapters/store/postgres-pool.js";
import { SqliteDialect } from "../../../src/adapters/store/sqlite-dialect.js";
import type { Tables } from "../../../src/adapters/store/tables.js";
import { storeKinds } from "../../fakes/stores.js";

describe.each(storeKinds())("migrate on $name", (kind) => {
  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }
  afterAll(async () => await kind.dispose());

  async function open(url: string): Promise<Kysely<Tables>> {
    const dialect: Dialect =
      kind.name === "sqlite"
        ? new SqliteDialect(url.replace("sqlite:", ""), () => {})
        : new PostgresDialect({ pool: postgresPool(url, 2, () => {}) });
    return new Kysely<Tables>({ dialect });
  }

  it("applies every migration once, however many nodes start together", async () => {
    const url = await kind.newDatabase();
    const nodes = await Promise.all([1, 2, 3].map(async () => await open(url)));
    const applied = await Promise.all(nodes.map(async (db) => await migrate(db, kind.name)));
    expect(applied.flat()).toEqual(MIGRATIONS.map(({ name }) => name));
    for (const db of nodes) await db.destroy();
  });

  it("applies what is missing to an older database, and leaves its rows alone", async () => {
    const db = await open(await kind.newDatabase());
    await migrate(db, kind.name, MIGRATIONS.slice(0, 1));
    const values = { call_sid: "CA1", deleted_ms: 7 };
    await db.insertInto("deleted_calls").values(values).execute();
    const rest = MIGRATIONS.slice(1).map(({ name }) => name);
    expect(await migrate(db, kind.name)).toEqual(rest);
    expect(await db.selectFrom("deleted_calls").selectAll().execute()).toEqual([values]);
    await db.destroy();
  });

  it("changes nothing when a statement fails", async () => {
    const db = await open(await kind.newDatabase());
    const broken = [
      ...MIGRATIONS,
      { name: "9999-broken", statements: ["create table fresh (id text)", "nonsense"] },
    ];
    await expect(migrate(db, kind.name, broken)).rejects.toThrow();
    await expect(sql`select * from fresh`.execute(db)).rejects.toThrow();
    expect(await migrate(db, kind.name)).toHaveLength(MIGRATIONS.length);
    await db.destroy();
  });
});
