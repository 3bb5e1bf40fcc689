/** The rows of the table of metrics that concern the process and its records, not a call. */
import { label, type MetricDefinition, openLabel } from "./metric-definition.js";

export const PROCESS_METRICS = {
  eventLoopLag: {
    name: "event_loop_lag_seconds",
    kind: "histogram",
    help: "How late a 100 ms timer fired",
    labels: [],
    buckets: [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1],
    note: "Above 20 ms frames are late: the worker is overloaded.",
  },
  eventLoopBlocks: {
    name: "event_loop_block_seconds",
    kind: "histogram",
    help: "Synchronous work of more than 5 ms on the thread that carries audio, by cause",
    labels: [label("cause", "http", "media_message", "model_message", "gc", "other")],
    buckets: [0.01, 0.02, 0.05, 0.1, 0.25, 1],
    preset: true,
    note: "Should be 0 but for `gc`. `other`: the timer was late and no known work explains it.",
  },
  workerUp: {
    name: "worker_up",
    kind: "gauge",
    help: "1 while the worker answers",
    labels: [],
    note: "0: the supervisor is replacing it.",
  },
  draining: {
    name: "draining",
    kind: "gauge",
    help: "1 while the worker is not ready because it is to be stopped",
    labels: [],
    note: "Set by SIGTERM and `murelay drain`. New calls are refused DRAIN_DELAY_SECONDS later.",
  },
  recordsPending: {
    name: "records_pending",
    kind: "gauge",
    help: "Calls whose latest record events wait to be stored",
    labels: [],
    note: "Grows while the database is away; the events are spooled on disk.",
  },
  recordStorageUp: {
    name: "record_storage_up",
    kind: "gauge",
    help: "1 while this part of record keeping takes data: the database, or the spool's disk",
    labels: [label("part", "database", "disk")],
    note: "0: no record is lost while the other part works.",
  },
  recordsDropped: {
    name: "records_dropped_total",
    kind: "counter",
    help: "Record events dropped because the spool was full",
    labels: [],
    note: "Should be 0.",
  },
  spoolBytes: {
    name: "spool_bytes",
    kind: "gauge",
    help: "Size of the record events on disk that the database does not have yet",
    labels: [],
    note: "Grows while the database is away. Alert before the disk is full.",
  },
  storeSeconds: {
    name: "store_seconds",
    kind: "histogram",
    help: "Database operations, by operation",
    labels: [openLabel("operation")],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10],
    note: "No call waits for the database. A slow one delays records and operator queries.",
  },
  buildInfo: {
    name: "build_info",
    kind: "gauge",
    help: "1, with the running version",
    labels: [openLabel("version")],
    note: "To join versions to other metrics.",
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;
