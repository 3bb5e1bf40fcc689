import pg from "pg";

/** A slower database counts as away: the journal on disk keeps what waits. */
export const POSTGRES_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** OID of bigint. The columns of this type are counts and ms, far below 2^53. */
const BIGINT_OID = 20;

/**
 * Of connections for searches: a plan is compiled only if it is expensive, which takes longer than
 * such a search; and a search takes one core of the server, not several.
 */
export const SEARCH_SETTINGS: pg.ClientConfig = {
  options: "-c jit=off -c max_parallel_workers_per_gather=0 -c work_mem=16MB",
};

/** Settings of every connection to PostgreSQL. */
export function postgresSettings(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: POSTGRES_TIMEOUT_MS,
    statement_timeout: POSTGRES_TIMEOUT_MS,
    idle_in_transaction_session_timeout: POSTGRES_TIMEOUT_MS,
    application_name: "murelay",
    types: {
      getTypeParser: (oid: number, format?: "text" | "binary") =>
        oid === BIGINT_OID
          ? Number
          : pg.types.getTypeParser(oid, format === "binary" ? "text" : "text"),
    },
  };
}

/**
 * @param max               limit of connections.
 * @param onLostConnection  called when a connection breaks. The pool opens a new one by itself.
 * @param changed           settings that differ from those of the other connections.
 */
export function postgresPool(
  url: string,
  max: number,
  onLostConnection: (error: Error) => void,
  changed: pg.ClientConfig = {},
): pg.Pool {
  const pool = new pg.Pool({ ...postgresSettings(url), ...changed, max });
  // Without these listeners a restart of the server would end this process. The pool's own listener
  // receives the errors of idle connections only.
  pool.on("error", onLostConnection);
  pool.on("connect", (client) => client.on("error", onLostConnection));
  return pool;
}
