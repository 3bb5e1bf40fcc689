/** What one worker has counted, compact enough to be sent to a supervisor every second. */

/** The numbers of one metric, series after series. */
export interface FamilySnapshot {
  /** Label values by series, in the order of the metric's labels. */
  readonly labels: readonly (readonly string[])[];
  /** A value per series; of a histogram the counts by bucket and the sum. */
  readonly values: Float64Array;
}

export interface MetricsSnapshot {
  /** By key of the table of metrics. */
  readonly families: Readonly<Record<string, FamilySnapshot>>;
  /**
   * The process metrics (CPU, memory, garbage collection) as text, the label `worker` included;
   * "" = none. Null: unchanged since the snapshot before. They cost a hundred times the rest.
   */
  readonly process: string | null;
}

export interface WorkerSnapshot {
  /** The label `worker`. */
  readonly worker: string;
  /** False: the worker does not answer. Its last snapshot is shown nevertheless. */
  readonly up: boolean;
  /** Null: no snapshot has arrived yet. */
  readonly snapshot: MetricsSnapshot | null;
}
