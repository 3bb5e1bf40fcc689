/** The shape of a row of the table of metrics, and the two kinds of labels. */

export type MetricKind = "counter" | "gauge" | "histogram";

export interface MetricLabel {
  readonly name: string;
  /** The closed list of values. Null: the values come from the agents file or the model's name. */
  readonly values: readonly string[] | null;
}

export interface MetricDefinition {
  /** Without the prefix `murelay_`; base units. */
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  /** At most three. A label never holds an id, a phone number or speech. */
  readonly labels: readonly MetricLabel[];
  /** Upper bounds, rising; histograms only. */
  readonly buckets?: readonly number[];
  /**
   * True: all combinations of label values exist with 0 from the start, so that a rate is right
   * from the first event on. Allowed only when every label has a closed list.
   */
  readonly preset?: boolean;
  /** How to use the metric; for the documentation. */
  readonly note: string;
}

export const METRIC_PREFIX = "murelay_";

/** A label with a closed list of values. */
export function label<const N extends string, const V extends string>(name: N, ...values: V[]) {
  return { name, values } as { readonly name: N; readonly values: readonly V[] };
}

/** A label whose values come from the agents file, the model or the database. */
export function openLabel<const N extends string>(name: N) {
  return { name, values: null } as { readonly name: N; readonly values: null };
}
