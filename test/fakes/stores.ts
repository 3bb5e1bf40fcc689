import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import pg from "pg";
import { findPostgres, type PrivatePostgres, startPostgres } from "./postgres.js";
import { removeFolder } from "./remove-folder.js";

/** A kind of database on which the same tests run. */
export interface StoreKind {
  readonly name: "sqlite" | "postgres";
  /** Null when this kind can be tested here; otherwise the reason. */
  readonly skipped: string | null;
  /** The URL of a new, empty database. */
  newDatabase(): Promise<string>;
  /** Reads with an SQL client of its own. */
  query(url: string, text: string): Promise<readonly unknown[]>;
  /** Changes data with an SQL client of its own. */
  execute(url: string, text: string): Promise<void>;
  dispose(): Promise<void>;
}

/** SQLite always; PostgreSQL when TEST_DATABASE_URL names one or a server is installed. */
export function storeKinds(): StoreKind[] {
  return [sqlite(), postgres()];
}

function sqlite(): StoreKind {
  const home = mkdtempSync(join(tmpdir(), "murelay-store-"));
  return {
    name: "sqlite",
    skipped: null,
    newDatabase: async () => `sqlite:${join(home, `${randomBytes(6).toString("hex")}.db`)}`,
    query: async (url, text) => {
      const client = new Database(url.replace("sqlite:", ""));
      const rows: readonly unknown[] = client.prepare(text).all();
      client.close();
      return rows;
    },
    execute: async (url, text) => {
      const client = new Database(url.replace("sqlite:", ""));
      client.exec(text);
      client.close();
    },
    dispose: async () => removeFolder(home),
  };
}

function postgres(): StoreKind {
  const given = process.env["TEST_DATABASE_URL"];
  const found = given === undefined ? findPostgres() : null;
  const skipped = found !== null && "missing" in found ? found.missing : null;
  if (skipped !== null) console.log(`PostgreSQL is not tested: ${skipped}`);
  let own: Promise<PrivatePostgres> | null = null;
  const made: string[] = [];
  const query = async (url: string, text: string) => {
    const client = new pg.Client(url);
    await client.connect();
    const { rows } = await client.query(text);
    await client.end();
    return rows as readonly unknown[];
  };
  /** Started once, also for tests that run beside each other. */
  const serverUrl = async (): Promise<string> => {
    if (given !== undefined) return given;
    if (found === null || "missing" in found) throw new Error("no server");
    own ??= startPostgres(found.bin);
    return (await own).url;
  };
  return {
    name: "postgres",
    skipped,
    query,
    execute: async (url, text) => void (await query(url, text)),
    newDatabase: async () => {
      const server = await serverUrl();
      const name = `murelay_${randomBytes(6).toString("hex")}`;
      await query(server, `create database ${name}`);
      made.push(name);
      const url = new URL(server);
      url.pathname = `/${name}`;
      return url.href;
    },
    dispose: async () => {
      if (own !== null) await (await own).remove();
      else if (given !== undefined) {
        for (const name of made) await query(given, `drop database if exists ${name} with (force)`);
      }
    },
  };
}
