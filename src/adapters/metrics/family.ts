/**
 * Counts in typed arrays: an add costs a few nanoseconds and allocates nothing once its series exists. Whoever
 * scrapes reads them out.
 */
import type { FamilySnapshot } from "./snapshot.js";
import type { MetricDefinition } from "./table.js";

/** Series of one metric; what comes after shares the series "other". Keeps a bug from filling the store. */
const MAX_SERIES = 256;
const OTHER = "other";

/** Label values → a slot number, given once. Two labels at most, so two levels of maps and no joined keys. */
class Slots {
  /** By slot. */
  readonly labels: (readonly [string, string])[] = [];
  readonly #byLabels = new Map<string, Map<string, number>>();
  readonly #added: (slots: number) => void;

  constructor(added: (slots: number) => void) {
    this.#added = added;
  }

  slot(a: string, b: string): number {
    return this.#byLabels.get(a)?.get(b) ?? this.#add(a, b);
  }

  #add(a: string, b: string): number {
    if (this.labels.length >= MAX_SERIES && a !== OTHER)
      return this.slot(a === "" ? "" : OTHER, b === "" ? "" : OTHER);
    const slot = this.labels.push([a, b]) - 1;
    const inner = this.#byLabels.get(a);
    if (inner === undefined) this.#byLabels.set(a, new Map([[b, slot]]));
    else inner.set(b, slot);
    this.#added(slot + 1);
    return slot;
  }
}

abstract class Family {
  readonly definition: MetricDefinition;
  protected values: Float64Array;
  protected readonly slots: Slots;
  readonly #width: number;

  constructor(definition: MetricDefinition, width: number) {
    this.definition = definition;
    this.#width = width;
    this.values = new Float64Array(width);
    this.slots = new Slots((slots) => this.#grow(slots));
    const preset = definition.preset ?? (definition.labels.length === 0 ? [[]] : []);
    for (const [a = "", b = ""] of preset) this.slots.slot(a, b);
  }

  /** Where the series of these label values is kept; the same as long as the process lives. */
  slot(a = "", b = ""): number {
    return this.slots.slot(a, b);
  }

  /** A copy: what is counted afterwards is not in it. */
  snapshot(): FamilySnapshot {
    const { labels } = this.slots;
    return { labels: [...labels], values: this.values.slice(0, labels.length * this.#width) };
  }

  #grow(slots: number): void {
    const needed = slots * this.#width;
    if (needed <= this.values.length) return;
    const grown = new Float64Array(Math.max(needed, this.values.length * 2));
    grown.set(this.values);
    this.values = grown;
  }
}

/** A counter or a gauge. */
export class ValueFamily extends Family {
  constructor(definition: MetricDefinition) {
    super(definition, 1);
  }

  /** Numbers that are none or below 0 would break a counter: they are left out. */
  add(slot: number, amount: number): void {
    if (amount > 0) this.values[slot]! += amount;
  }

  /** Gauges only: down as well as up. */
  move(slot: number, by: number): void {
    this.values[slot]! += by;
  }

  set(slot: number, value: number): void {
    this.values[slot] = value;
  }
}

export class HistogramFamily extends Family {
  readonly #bounds: readonly number[];
  /** Counts by bucket, the last without bound, then the sum. */
  readonly #width: number;

  constructor(definition: MetricDefinition) {
    const bounds = definition.buckets ?? [];
    super(definition, bounds.length + 2);
    this.#bounds = bounds;
    this.#width = bounds.length + 2;
  }

  /** A clock that went backwards counts as 0; what is no number is left out. */
  observe(slot: number, seconds: number): void {
    if (Number.isNaN(seconds)) return;
    const value = Math.max(seconds, 0);
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    const base = slot * this.#width;
    this.values[base + bucket]! += 1;
    this.values[base + bounds.length + 1]! += value;
  }
}
