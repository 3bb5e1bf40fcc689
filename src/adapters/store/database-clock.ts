import { sql } from "kysely";
import type { DatabaseKind } from "./fixed-sql.js";

/**
 * The database's own clock in ms since the epoch, as an SQL expression: nodes whose clocks differ
 * agree on what has expired.
 */
export function databaseNowMs(kind: DatabaseKind) {
  return kind === "postgres"
    ? sql<number>`cast(floor(extract(epoch from clock_timestamp()) * 1000) as bigint)`
    : sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
}
