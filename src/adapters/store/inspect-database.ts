/** Looks at a database without changing it, for `doctor`. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "libsql";
import pg from "pg";
import { RelayError } from "../../domain/errors.js";
import { MIGRATIONS } from "./migrations.js";
import { sqliteFile } from "./open-store.js";
import { postgresSettings } from "./postgres-pool.js";

export interface DatabaseState {
  /** "SQLite data/murelay.db", "PostgreSQL 15.4". */
  readonly name: string;
  /** An SQLite file, or a schema, that the relay creates when it starts. */
  readonly isNew: boolean;
  /** Migrations that the relay applies when it starts. */
  readonly missing: readonly string[];
  /** Migrations that a newer version has applied. */
  readonly unknown: readonly string[];
}

/**
 * @throws RelayError config_invalid or store_unavailable: the relay could not work with this
 * database.
 */
export async function inspectDatabase(databaseUrl: string): Promise<DatabaseState> {
  try {
    return /^postgres(ql)?:\/\//.test(databaseUrl)
      ? await inspectPostgres(databaseUrl)
      : inspectSqlite(databaseUrl);
  } catch (error) {
    if (error instanceof RelayError) throw error;
    const reason = error instanceof Error ? error.message || String(error) : String(error);
    throw new RelayError("store_unavailable", reason, { cause: error });
  }
}

async function inspectPostgres(databaseUrl: string): Promise<DatabaseState> {
  const client = new pg.Client(postgresSettings(databaseUrl));
  // Without a listener a lost connection would end this process; the query rejects as well.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("set session characteristics as transaction read only");
    const { rows } = await client.query<{ version: string; known: boolean; may: boolean }>(`
      select current_setting('server_version') as version,
        to_regclass('murelay_migrations') is not null as known,
        has_schema_privilege(current_schema(), 'create') as may`);
    const { version = "", known = false, may = false } = rows[0] ?? {};
    const applied = known
      ? (await client.query<{ name: string }>("select name from murelay_migrations")).rows
      : [];
    const state = compared(
      `PostgreSQL ${version}`,
      !known,
      applied.map(({ name }) => name),
    );
    if (!may && state.missing.length > 0)
      throw new RelayError(
        "config_invalid",
        `${state.name}: this user may not create tables in the schema`,
      );
    return state;
  } finally {
    await client.end();
  }
}

function inspectSqlite(databaseUrl: string): DatabaseState {
  const file = sqliteFile(databaseUrl);
  if (file === null) return compared("SQLite in memory", true, []);
  const name = `SQLite ${file}`;
  if (!existsSync(file)) {
    const parent = existingParent(file);
    if (!statSync(parent).isDirectory() || !isWritable(parent))
      throw new RelayError("config_invalid", `${file} cannot be created in ${parent}`);
    return compared(name, true, []);
  }
  if (!statSync(file).isFile()) throw new RelayError("config_invalid", `${file} is not a file`);
  if (!isWritable(file) || !isWritable(dirname(file)))
    throw new RelayError("config_invalid", `${file} or its folder is not writable`);
  const applied = appliedInSqlite(file);
  return compared(name, applied === null, applied ?? []);
}

/** @returns null when the file has no table of migrations. */
function appliedInSqlite(file: string): readonly string[] | null {
  // Beside a database in use there is a -wal file, which must be read. Without one, `immutable`
  // keeps SQLite from creating it.
  const mode = existsSync(`${file}-wal`) ? "mode=ro" : "mode=ro&immutable=1";
  const database = new Database(
    `file:${encodeURI(file).replace(/[?#]/g, encodeURIComponent)}?${mode}`,
  );
  try {
    const tables = database
      .prepare("select name from sqlite_master where name = 'murelay_migrations'")
      .all([]);
    if (tables.length === 0) return null;
    const rows = database.prepare("select name from murelay_migrations").all([]) as {
      name: string;
    }[];
    return rows.map((row) => row.name);
  } finally {
    database.close();
  }
}

function compared(name: string, isNew: boolean, applied: readonly string[]): DatabaseState {
  const own = MIGRATIONS.map((migration) => migration.name);
  return {
    name,
    isNew,
    missing: own.filter((migration) => !applied.includes(migration)),
    unknown: applied.filter((migration) => !own.includes(migration)),
  };
}

function existingParent(path: string): string {
  const parent = dirname(path);
  return existsSync(parent) ? parent : existingParent(parent);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
