/** Snapshots of any number of workers as one text. Format: Prometheus text 0.0.4. */
import { METRIC_PREFIX, type MetricDefinition } from "../../domain/metric-definition.js";
import { METRICS } from "../../domain/metric-table.js";
import { inSlices } from "../system/slices.js";
import type { FamilySnapshot, WorkerSnapshot } from "./snapshot.js";

export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * The whole text. It is made in slices, because a large node has 100,000 lines and the calls of
 * this process must not wait for all of them.
 *
 * @param workers      each becomes its own series.
 * @param processText  process metrics of the caller itself; "" = none.
 */
export async function exposition(
  workers: readonly WorkerSnapshot[],
  processText = "",
): Promise<string> {
  const parts: string[] = [];
  for await (const part of inSlices(expositionParts(workers, processText))) parts.push(part);
  return parts.join("");
}

/** The text in parts of at most one metric of one worker each, every part whole lines. */
export function* expositionParts(
  workers: readonly WorkerSnapshot[],
  processText = "",
): Generator<string> {
  for (const [key, definition] of Object.entries<MetricDefinition>(METRICS)) {
    const name = `${METRIC_PREFIX}${definition.name}`;
    yield `# HELP ${name} ${definition.help}\n# TYPE ${name} ${definition.kind}\n`;
    for (const { worker, up, snapshot } of workers) {
      if (key === "workerUp") yield `${name}{worker="${escaped(worker)}"} ${up ? 1 : 0}\n`;
      else {
        const family = snapshot?.families[key];
        if (family !== undefined && family.labels.length > 0)
          yield seriesText(name, definition, family, worker);
      }
    }
  }
  const texts = workers.map(({ snapshot }) => snapshot?.process ?? "");
  yield* mergedParts([...texts, processText]);
}

function seriesText(
  name: string,
  definition: MetricDefinition,
  family: FamilySnapshot,
  worker: string,
): string {
  const bounds = definition.buckets ?? [];
  const lines: string[] = [];
  for (const [slot, values] of family.labels.entries()) {
    const own = definition.labels.map((label, i) => `${label.name}="${escaped(values[i] ?? "")}"`);
    const labels = [...own, `worker="${escaped(worker)}"`].join(",");
    if (definition.kind !== "histogram") {
      lines.push(`${name}{${labels}} ${family.values[slot] ?? 0}\n`);
      continue;
    }
    const base = slot * (bounds.length + 2);
    let total = 0;
    for (let i = 0; i <= bounds.length; i++) {
      total += family.values[base + i] ?? 0;
      lines.push(`${name}_bucket{le="${bounds[i] ?? "+Inf"}",${labels}} ${total}\n`);
    }
    lines.push(`${name}_sum{${labels}} ${family.values[base + bounds.length + 1] ?? 0}\n`);
    lines.push(`${name}_count{${labels}} ${total}\n`);
  }
  return lines.join("");
}

/**
 * Merges texts that expose the same metrics: the samples of a metric must stand together, under
 * one HELP and one TYPE. A part is the head of a metric, or its samples in one text.
 */
export function* mergedParts(texts: readonly string[]): Generator<string> {
  const samplesByMetric = new Map<string, { head: string; readonly samples: string[] }>();
  for (const text of texts) {
    for (const { name, head, samples } of sections(text)) {
      const known = samplesByMetric.get(name);
      if (known === undefined) samplesByMetric.set(name, { head, samples: [samples] });
      else known.samples.push(samples);
    }
  }
  for (const { head, samples } of samplesByMetric.values()) {
    yield head;
    yield* samples;
  }
}

/** One metric of a text. */
interface Section {
  readonly name: string;
  readonly head: string;
  readonly samples: string;
}

/** A text cut where a metric's HELP line begins. */
function sections(text: string): readonly Section[] {
  return text.split(/^(?=# HELP )/m).flatMap((section) => {
    const head = /^(?:# (?:HELP|TYPE) .*\n)+/.exec(section)?.[0];
    if (head === undefined) return [];
    const name = head.split(" ")[2] ?? "";
    return [{ name, head, samples: section.slice(head.length).replace(/\n+$/, "\n") }];
  });
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
