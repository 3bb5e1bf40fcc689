import { CompiledQuery, type Kysely, type QueryResult } from "kysely";
import type { Tables } from "./tables.js";

/** Rows a statement, most first: few texts, so that each is prepared once, and few round trips. */
const CHUNKS = [32, 8, 1] as const;

export interface NewRows {
  readonly table: string;
  /** In the order of each row's values; the first one is the key. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  /** A table with the same key: what is named there is not to come back. */
  readonly tombstones: string;
}

/**
 * Statements of which the text is made once: putting one together with kysely takes longer than SQLite takes to execute it, and
 * those that save calls are executed all the time.
 */
export class FixedSql {
  readonly #kind: "sqlite" | "postgres";
  readonly #texts = new Map<string, string>();

  constructor(kind: "sqlite" | "postgres") {
    this.#kind = kind;
  }

  /**
   * Inserts the rows that are not there yet, nor have a tombstone.
   *
   * @returns  the keys of those that were inserted.
   */
  async insertNew(db: Kysely<Tables>, rows: NewRows): Promise<ReadonlySet<unknown>> {
    return this.#kind === "postgres"
      ? await this.#insertTogether(db, rows)
      : await this.#insertEach(db, rows);
  }

  /** In SQLite a row costs some 10 µs, and whatever comes back is read on a thread, which has to be woken. */
  async #insertEach(
    db: Kysely<Tables>,
    { table, columns, rows, tombstones }: NewRows,
  ): Promise<ReadonlySet<unknown>> {
    const [key] = columns;
    const text = this.#text(table, () => {
      const places = columns.map((_, i) => `?${i + 1}`).join(", ");
      const alive = `not exists (select 1 from ${tombstones} where ${key} = ?1)`;
      return `insert into ${table} (${columns.join(", ")}) select ${places} where ${alive} on conflict (${key}) do nothing`;
    });
    const inserted = new Set<unknown>();
    for (const row of rows) {
      const { numAffectedRows } = await this.run(db, text, row);
      if (numAffectedRows === 1n) inserted.add(row[0]);
    }
    return inserted;
  }

  /** In PostgreSQL each statement is a round trip. */
  async #insertTogether(
    db: Kysely<Tables>,
    { table, columns, rows, tombstones }: NewRows,
  ): Promise<ReadonlySet<unknown>> {
    const [key = ""] = columns;
    const dead = await this.keysIn(
      db,
      tombstones,
      key,
      rows.map((row) => row[0]),
    );
    const wanted = rows.filter((row) => !dead.has(row[0]));
    const inserted = new Set<unknown>();
    for (let from = 0; from < wanted.length; ) {
      const count = CHUNKS.find((chunk) => chunk <= wanted.length - from) ?? 1;
      const text = this.#text(`${table} ${count}`, () => {
        const places = Array.from({ length: count }, (_, row) =>
          this.#places(columns.length, row * columns.length),
        );
        return `insert into ${table} (${columns.join(", ")}) values ${places.join(", ")} on conflict (${key}) do nothing returning ${key}`;
      });
      const { rows: back } = await this.run<Record<string, unknown>>(
        db,
        text,
        wanted.slice(from, from + count).flat(),
      );
      for (const row of back) inserted.add(row[key]);
      from += count;
    }
    return inserted;
  }

  /** Those of the keys that a table has. */
  async keysIn(
    db: Kysely<Tables>,
    table: string,
    column: string,
    keys: readonly unknown[],
  ): Promise<ReadonlySet<unknown>> {
    if (keys.length === 0) return new Set();
    const text = this.#text(
      `${table}.${column}`,
      () => `select ${column} from ${table} where ${column} in ${this.#list()}`,
    );
    const { rows } = await this.run<Record<string, unknown>>(db, text, [JSON.stringify(keys)]);
    return new Set(rows.map((row) => row[column]));
  }

  #text(name: string, make: () => string): string {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const text = make();
    this.#texts.set(name, text);
    return text;
  }

  /** `(?, ?, …)`, or `($4, $5, …)` after 3 others. */
  #places(count: number, after: number): string {
    return `(${Array.from({ length: count }, (_, i) => this.place(after + i + 1)).join(", ")})`;
  }

  /** The n-th parameter of a statement, from 1. */
  place(n: number): string {
    return this.#kind === "postgres" ? `$${n}` : "?";
  }

  async run<R>(
    db: Kysely<Tables>,
    text: string,
    parameters: readonly unknown[],
  ): Promise<QueryResult<R>> {
    return await db.executeQuery<R>(CompiledQuery.raw(text, [...parameters]) as CompiledQuery<R>);
  }

  /** The values of a list that is given as the first parameter, as JSON: one text for lists of any length. */
  #list(): string {
    return this.#kind === "postgres"
      ? "(select jsonb_array_elements_text($1::jsonb))"
      : "(select value from json_each(?))";
  }
}
