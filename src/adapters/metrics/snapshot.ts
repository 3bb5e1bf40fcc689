/**
 * What one worker has counted, compact enough to be sent every second, and the exposition of many such snapshots as one
 * text: what a supervisor is scraped for. Format: Prometheus text 0.0.4.
 */
import type { MetricDefinition } from "./table.js";
import { METRICS, PREFIX } from "./table.js";

/** The numbers of one family: `width` of them a slot, slot after slot. */
export interface FamilySnapshot {
  /** Label values by slot; "" where the metric has fewer than two labels. */
  readonly labels: readonly (readonly [string, string])[];
  readonly values: Float64Array;
}

export interface MetricsSnapshot {
  readonly families: Readonly<Record<string, FamilySnapshot>>;
  /**
   * Exposition of the process metrics (CPU, memory, garbage collection), the label `worker` in place; "" = none. Null: as told
   * before; putting it together costs a hundred times the rest.
   */
  readonly process: string | null;
}

export interface WorkerSnapshot {
  /** The label `worker`. */
  readonly worker: string;
  /** False: it does not answer; what it counted last is shown all the same. */
  readonly up: boolean;
  /** Null: nothing has come of it yet. */
  readonly snapshot: MetricsSnapshot | null;
}

export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * @param workers  each its own series.
 * @param process  process metrics of the one who asks, exposition text; "" = none.
 */
export function exposition(workers: readonly WorkerSnapshot[], process = ""): string {
  const lines: string[] = [];
  for (const [key, definition] of Object.entries<MetricDefinition>(METRICS)) {
    const name = `${PREFIX}${definition.name}`;
    lines.push(`# HELP ${name} ${definition.help}`, `# TYPE ${name} ${definition.kind}`);
    for (const { worker, up, snapshot } of workers) {
      if (key === "workerUp") lines.push(`${name}{worker="${escaped(worker)}"} ${up ? 1 : 0}`);
      else {
        const family = snapshot?.families[key];
        if (family !== undefined) pushSeries(lines, name, definition, family, worker);
      }
    }
  }
  const processes = workers.map(({ snapshot }) => snapshot?.process ?? "");
  return `${lines.join("\n")}\n${mergeTexts([...processes, process])}`;
}

function pushSeries(
  lines: string[],
  name: string,
  definition: MetricDefinition,
  family: FamilySnapshot,
  worker: string,
): void {
  const bounds = definition.buckets ?? [];
  for (const [slot, values] of family.labels.entries()) {
    const own = definition.labels.map((label, i) => `${label}="${escaped(values[i] ?? "")}"`);
    const labels = [...own, `worker="${escaped(worker)}"`].join(",");
    if (definition.kind !== "histogram") {
      lines.push(`${name}{${labels}} ${family.values[slot] ?? 0}`);
      continue;
    }
    const base = slot * (bounds.length + 2);
    let total = 0;
    for (let i = 0; i <= bounds.length; i++) {
      total += family.values[base + i] ?? 0;
      lines.push(`${name}_bucket{le="${bounds[i] ?? "+Inf"}",${labels}} ${total}`);
    }
    lines.push(`${name}_sum{${labels}} ${family.values[base + bounds.length + 1] ?? 0}`);
    lines.push(`${name}_count{${labels}} ${total}`);
  }
}

/** Texts that expose the same metrics, as one: a family's samples must stand together, under one HELP and TYPE. */
export function mergeTexts(texts: readonly string[]): string {
  const told = texts.filter((text) => text !== "");
  if (told.length === 1) return told[0]!;
  const heads = new Map<string, string[]>();
  const samples = new Map<string, string[]>();
  for (const text of told) {
    let family = "";
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const head = /^# (?:HELP|TYPE) (\S+)/.exec(line);
      if (head === null) {
        samples.get(family)?.push(line);
        continue;
      }
      family = head[1]!;
      const known = heads.get(family);
      if (known === undefined) {
        heads.set(family, [line]);
        samples.set(family, []);
      } else if (!known.includes(line)) known.push(line);
    }
  }
  const merged = [...heads].flatMap(([family, head]) => [...head, ...(samples.get(family) ?? [])]);
  return merged.length === 0 ? "" : `${merged.join("\n")}\n`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
