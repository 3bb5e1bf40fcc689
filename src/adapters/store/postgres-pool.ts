import pg from "pg";

/** A database that takes longer is as good as away: the journal on disk holds what waits. */
export const POSTGRES_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** OID of bigint; all of ours are counts and ms, far below 2^53. */
const BIGINT_OID = 20;

/** How every connection of ours to PostgreSQL is made. */
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
 * @param max               connections at most.
 * @param onLostConnection  one of them broke, in use or not; the pool makes a new one by itself.
 */
export function postgresPool(
  url: string,
  max: number,
  onLostConnection: (error: Error) => void,
): pg.Pool {
  const pool = new pg.Pool({ ...postgresSettings(url), max });
  // Without listeners, a server that restarts would end this process. The pool's own hears of idle connections only.
  pool.on("error", onLostConnection);
  pool.on("connect", (client) => client.on("error", onLostConnection));
  return pool;
}
