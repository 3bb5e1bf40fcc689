import { CompiledQuery, type Kysely, type QueryResult } from "kysely";
import type { Tables } from "./tables.js";

export type DatabaseKind = "sqlite" | "postgres";

/** Rows per statement, largest first. Few different texts mean few statements to prepare. */
const ROWS_PER_STATEMENT = [32, 8, 1] as const;

export interface NewRows {
  readonly table: string;
  /** In the order of each row's values. The first one is the key. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  /** A table with the same key column. Rows that are named there are not inserted. */
  readonly tombstones: string;
}

/**
 * Statements whose text is built once. Building a statement with kysely takes longer than SQLite
 * takes to execute it, and saving calls is the most frequent work.
 */
export class FixedSql {
  readonly #kind: DatabaseKind;
  readonly #texts = new Map<string, string>();

  constructor(kind: DatabaseKind) {
    this.#kind = kind;
  }

  /**
   * Inserts the rows that neither exist nor have a tombstone.
   *
   * @returns  the keys of the rows that were inserted.
   */
  async insertNew(db: Kysely<Tables>, rows: NewRows): Promise<ReadonlySet<unknown>> {
    return this.#kind === "postgres"
      ? await this.#insertTogether(db, rows)
      : await this.#insertEach(db, rows);
  }

  /**
   * SQLite: inserting a row takes about 10 µs. A statement that returns rows is read on another
   * thread, and waking that thread takes longer.
   */
  async #insertEach(
    db: Kysely<Tables>,
    { table, columns, rows, tombstones }: NewRows,
  ): Promise<ReadonlySet<unknown>> {
    const [key] = columns;
    const text = this.#text(table, () => {
      const values = columns.map((_, i) => `?${i + 1}`).join(", ");
      const hasNoTombstone = `not exists (select 1 from ${tombstones} where ${key} = ?1)`;
      return `insert into ${table} (${columns.join(", ")}) select ${values}
        where ${hasNoTombstone} on conflict (${key}) do nothing`;
    });
    const inserted = new Set<unknown>();
    for (const row of rows) {
      const { numAffectedRows } = await this.run(db, text, row);
      if (numAffectedRows === 1n) inserted.add(row[0]);
    }
    return inserted;
  }

  /** PostgreSQL: each statement is a round trip, so one statement inserts many rows. */
  async #insertTogether(
    db: Kysely<Tables>,
    { table, columns, rows, tombstones }: NewRows,
  ): Promise<ReadonlySet<unknown>> {
    const [key = ""] = columns;
    const keys = rows.map((row) => row[0]);
    const dead = await this.keysIn(db, tombstones, key, keys);
    const wanted = rows.filter((row) => !dead.has(row[0]));
    const inserted = new Set<unknown>();
    for (let from = 0; from < wanted.length; ) {
      const count = ROWS_PER_STATEMENT.find((rows) => rows <= wanted.length - from) ?? 1;
      const text = this.#text(`${table} ${count}`, () => {
        const values = Array.from({ length: count }, (_, row) =>
          this.#placeholders(columns.length, row * columns.length),
        );
        return `insert into ${table} (${columns.join(", ")}) values ${values.join(", ")}
          on conflict (${key}) do nothing returning ${key}`;
      });
      const parameters = wanted.slice(from, from + count).flat();
      const result = await this.run<Record<string, unknown>>(db, text, parameters);
      for (const row of result.rows) inserted.add(row[key]);
      from += count;
    }
    return inserted;
  }

  /** The keys that exist in a table. */
  async keysIn(
    db: Kysely<Tables>,
    table: string,
    column: string,
    keys: readonly unknown[],
  ): Promise<ReadonlySet<unknown>> {
    if (keys.length === 0) return new Set();
    const text = this.#text(
      `${table}.${column}`,
      () => `select ${column} from ${table} where ${column} in ${this.#jsonList()}`,
    );
    const { rows } = await this.run<Record<string, unknown>>(db, text, [JSON.stringify(keys)]);
    return new Set(rows.map((row) => row[column]));
  }

  /** The n-th parameter of a statement, from 1. */
  placeholder(n: number): string {
    return this.#kind === "postgres" ? `$${n}` : "?";
  }

  async run<R>(
    db: Kysely<Tables>,
    text: string,
    parameters: readonly unknown[],
  ): Promise<QueryResult<R>> {
    return await db.executeQuery<R>(CompiledQuery.raw(text, [...parameters]) as CompiledQuery<R>);
  }

  #text(name: string, build: () => string): string {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const text = build();
    this.#texts.set(name, text);
    return text;
  }

  /** `(?, ?, …)`, or `($4, $5, …)` after 3 other parameters. */
  #placeholders(count: number, after: number): string {
    const all = Array.from({ length: count }, (_, i) => this.placeholder(after + i + 1));
    return `(${all.join(", ")})`;
  }

  /** The values of a JSON list in the first parameter: one text for lists of any length. */
  #jsonList(): string {
    return this.#kind === "postgres"
      ? "(select jsonb_array_elements_text($1::jsonb))"
      : "(select value from json_each(?))";
  }
}
