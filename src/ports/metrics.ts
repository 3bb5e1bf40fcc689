import type { METRICS } from "../domain/metric-table.js";

/**
 * The instruments that record what happens in calls, one for each row of the table of metrics.
 * They are cheap enough for every frame: they allocate nothing once a series exists, never throw
 * and never wait. The label values follow the number, in the order of the table's labels.
 */
export type Metrics = {
  readonly [K in MetricKey]: InstrumentOf<(typeof METRICS)[K]>;
};

export type MetricKey = keyof typeof METRICS;

export interface Counter<Labels extends readonly string[]> {
  /**
   * @param amount  0 only begins the series. Negative amounts and NaN are ignored: they would break
   *                a counter.
   */
  add(amount: number, ...labels: Labels): void;
}

export interface Gauge<Labels extends readonly string[]> {
  set(value: number, ...labels: Labels): void;
  move(by: number, ...labels: Labels): void;
}

export interface Histogram<Labels extends readonly string[]> {
  /** @param value  base unit, mostly seconds. A negative value counts as 0; NaN is ignored. */
  observe(value: number, ...labels: Labels): void;
}

/** The values that one label of a metric may have: `LabelValue<"transfers", "kind">`. */
export type LabelValue<K extends MetricKey, Name extends string> = ValueOf<
  Extract<(typeof METRICS)[K]["labels"][number], { readonly name: Name }>
>;

export type AuthSurface = LabelValue<"authFailures", "surface">;
export type AuthFailureReason = LabelValue<"authFailures", "reason">;

type InstrumentOf<Row extends { readonly kind: string; readonly labels: readonly unknown[] }> =
  Row["kind"] extends "counter"
    ? Counter<LabelValues<Row["labels"]>>
    : Row["kind"] extends "gauge"
      ? Gauge<LabelValues<Row["labels"]>>
      : Histogram<LabelValues<Row["labels"]>>;

type LabelValues<Labels extends readonly unknown[]> = {
  [I in keyof Labels]: ValueOf<Labels[I]>;
};

type ValueOf<Label> = Label extends { readonly values: readonly (infer V extends string)[] }
  ? V
  : string;
