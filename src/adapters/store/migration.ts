import type { DatabaseKind } from "./fixed-sql.js";

/** A step from one release's tables to the next one's. */
export interface Migration {
  readonly name: string;
  /**
   * One SQL statement each: the same text for both databases, or a text for each that needs one.
   */
  readonly statements: readonly (string | Readonly<Partial<Record<DatabaseKind, string>>>)[];
}
