/** Reads the text of /metrics as Prometheus does. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function readSamples(text: string): readonly Sample[] {
  return text.split("\n").flatMap((line) => {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null || line.startsWith("#")) return [];
    const [, name = "", labelText = "", value = ""] = match;
    const labels = [...labelText.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", of = ""]) => [
      key,
      of,
    ]);
    return [{ name, labels: Object.fromEntries(labels), value: Number(value) }];
  });
}

type Labels = Readonly<Record<string, string>>;

const matches = (sample: Sample, name: string, labels: Labels): boolean =>
  sample.name === name &&
  Object.entries(labels).every(([key, value]) => sample.labels[key] === value);

/** All series of this name with these labels, added up. */
export function sumOf(samples: readonly Sample[], name: string, labels: Labels = {}): number {
  return samples
    .filter((sample) => matches(sample, name, labels))
    .reduce((sum, { value }) => sum + value, 0);
}

/** As `histogram_quantile(q, sum by (le) (…))`: linear inside a bucket. */
export function quantileOf(
  samples: readonly Sample[],
  name: string,
  q: number,
  labels: Labels = {},
): number {
  const byBound = new Map<number, number>();
  for (const sample of samples) {
    if (!matches(sample, `${name}_bucket`, labels)) continue;
    const le =
      sample.labels["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(sample.labels["le"]);
    byBound.set(le, (byBound.get(le) ?? 0) + sample.value);
  }
  const buckets = [...byBound].sort(([a], [b]) => a - b);
  const rank = q * (buckets.at(-1)?.[1] ?? 0);
  let [below, from] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= rank && count > below) {
      if (bound === Number.POSITIVE_INFINITY) return from;
      return from + ((bound - from) * (rank - below)) / (count - below);
    }
    below = count;
    from = bound;
  }
  return Number.NaN;
}
