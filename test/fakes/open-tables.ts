import { type Dialect, Kysely, PostgresDialect } from "kysely";
import type { DatabaseKind } from "../../src/adapters/store/fixed-sql.js";
import type { Guard } from "../../src/adapters/store/guard.js";
import { migrate } from "../../src/adapters/store/migrations.js";
import { postgresPool } from "../../src/adapters/store/postgres-pool.js";
import { SqliteDialect } from "../../src/adapters/store/sqlite-dialect.js";
import type { Tables } from "../../src/adapters/store/tables.js";

/** The tables of a database, for tests of one part of the store. */
export interface OpenTables {
  readonly kind: DatabaseKind;
  readonly db: Kysely<Tables>;
  readonly guard: Guard;
  /** Names of the operations so far. */
  readonly operations: string[];
  close(): Promise<void>;
}

/** @param url  of an empty database. Default: SQLite in memory. */
export async function openTables(url = "sqlite::memory:"): Promise<OpenTables> {
  const kind = url.startsWith("postgres:") ? "postgres" : "sqlite";
  let isClosing = false;
  const lost = (error: Error) => {
    // A server that stops while a connection is being closed reports an error.
    if (!isClosing) throw error;
  };
  const dialect: Dialect =
    kind === "postgres"
      ? new PostgresDialect({ pool: postgresPool(url, 2, lost) })
      : new SqliteDialect(url.replace("sqlite:", ""), lost);
  const db = new Kysely<Tables>({ dialect });
  await migrate(db, kind);
  const operations: string[] = [];
  return {
    kind,
    db,
    operations,
    guard: async (operation, work) => {
      operations.push(operation);
      return await work();
    },
    close: async () => {
      isClosing = true;
      await db.destroy();
    },
  };
}
