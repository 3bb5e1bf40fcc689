import { CompiledQuery, type Kysely, type QueryResult } from "kysely";
import type { Tables } from "./tables.js";

/** Rows a statement, most first: few texts, so that each is prepared once, and few round trips. */
const CHUNKS = [32, 8, 1] as const;

/**
 * Statements of which the text is made once: putting one together with kysely takes longer than SQLite takes to execute it, and
 * those that save calls are executed all the time.
 */
export class FixedSql {
  readonly #kind: "sqlite" | "postgres";
  readonly #inserts = new Map<string, string>();

  constructor(kind: "sqlite" | "postgres") {
    this.#kind = kind;
  }

  /**
   * Inserts rows, some a statement.
   *
   * @param columns  names of our own, in the order of each row's values.
   * @param tail     what follows the values: `on conflict …`, `returning …`.
   * @returns        what the statements return, in no particular order.
   */
  async insert<R>(
    db: Kysely<Tables>,
    table: string,
    columns: readonly string[],
    rows: readonly (readonly unknown[])[],
    tail = "",
  ): Promise<R[]> {
    const returned: R[] = [];
    for (let from = 0; from < rows.length; ) {
      const left = rows.length - from;
      const count = CHUNKS.find((chunk) => chunk <= left) ?? 1;
      const text = this.#insertText(table, columns, count, tail);
      const parameters = rows.slice(from, from + count).flat();
      const { rows: back } = await this.run<R>(db, text, parameters);
      returned.push(...back);
      from += count;
    }
    return returned;
  }

  #insertText(table: string, columns: readonly string[], count: number, tail: string): string {
    const key = `${table} ${count} ${tail}`;
    const known = this.#inserts.get(key);
    if (known !== undefined) return known;
    const rows = Array.from({ length: count }, (_, row) =>
      this.#places(columns.length, row * columns.length),
    );
    const text = `insert into ${table} (${columns.join(", ")}) values ${rows.join(", ")} ${tail}`;
    this.#inserts.set(key, text);
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

  async run<R>(db: Kysely<Tables>, text: string, parameters: readonly unknown[]): Promise<QueryResult<R>> {
    return await db.executeQuery<R>(CompiledQuery.raw(text, [...parameters]) as CompiledQuery<R>);
  }

  /** The values of a list that is given as one parameter, as JSON: one text for lists of any length. */
  listAt(n: number): string {
    return this.#kind === "postgres"
      ? `(select jsonb_array_elements_text($${n}::jsonb))`
      : "(select value from json_each(?))";
  }
}
