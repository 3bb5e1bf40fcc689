import { Kysely, PostgresDialect } from "kysely";
import type pg from "pg";
import { RelayError } from "../../domain/errors.js";
import type { Migration } from "./migration.js";
import { MIGRATIONS, migrate } from "./migrations.js";
import { postgresPool } from "./postgres-pool.js";
import type { Tables } from "./tables.js";

/** An operation waits so long for a migration, which may take minutes when there are many calls. */
const WAIT_MS = 10_000;
/** After a failed attempt: each one takes locks that the other nodes wait for. */
const PAUSE_MS = 5_000;

/** Migrates on a connection of its own, on which a statement may take as long as it needs. */
export class PostgresMigration {
  readonly #url: string;
  readonly #onLostConnection: (error: Error) => void;
  readonly #migrations: readonly Migration[];
  #attempt: Promise<void> | null = null;
  #client: pg.PoolClient | null = null;
  #pause: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(
    url: string,
    onLostConnection: (error: Error) => void,
    migrations: readonly Migration[] = MIGRATIONS,
  ) {
    this.#url = url;
    this.#onLostConnection = onLostConnection;
    this.#migrations = migrations;
  }

  /**
   * Resolves when the tables are those of this release. Rejects when they cannot be, and with
   * `store_unavailable` when it takes long: the migration goes on, and a later call awaits it.
   */
  async ready(): Promise<void> {
    if (this.#isStopped) throw new Error("the database is closed");
    this.#attempt ??= this.#run();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const text = "the database's tables are still being changed for this release";
        reject(new RelayError("store_unavailable", text, { retryable: true }));
      }, WAIT_MS);
    });
    try {
      await Promise.race([this.#attempt, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives up a migration that is going on: PostgreSQL takes it back. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#pause !== null) clearTimeout(this.#pause);
    await this.#client?.end();
  }

  async #run(): Promise<void> {
    const unlimited = { query_timeout: 0, keepAlive: true };
    const pool = postgresPool(this.#url, 1, this.#onLostConnection, unlimited);
    pool.on("connect", (client) => {
      this.#client = client;
      if (this.#isStopped) client.end().catch(this.#onLostConnection);
    });
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    try {
      await migrate(db, "postgres", this.#migrations);
    } catch (error) {
      this.#tryAgain();
      throw error;
    } finally {
      this.#client = null;
      await db.destroy();
    }
  }

  /** A server that is away is asked by every operation; one that was there gets a pause. */
  #tryAgain(): void {
    if (this.#isStopped) return;
    const again = () => {
      this.#pause = null;
      this.#attempt = null;
    };
    if (this.#client === null) queueMicrotask(again);
    else this.#pause = setTimeout(again, PAUSE_MS).unref();
  }
}
