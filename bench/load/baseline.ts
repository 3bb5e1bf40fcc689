/** An earlier run that a run is compared with. */
import { readFileSync } from "node:fs";
import type { Figures } from "./figures.js";
import type { Sample } from "./load-run.js";
import { mapValues } from "./report-data.js";
import { UsageError } from "./usage-error.js";

/** What an earlier run is compared by. */
export interface Baseline {
  readonly name: string;
  readonly calls: number | null;
  readonly durationS: number | null;
  readonly scenario: string;
  readonly commit: string;
  readonly date: string;
  readonly machine: string;
  readonly figures: Readonly<Record<string, number | null>>;
  readonly samples: readonly Partial<Sample>[];
}

/** @throws UsageError when the file is no result of `--json`. */
export function readBaseline(file: string): Baseline {
  const fault = (what: string): UsageError =>
    new UsageError(`--baseline ${file}: ${what}; give a file that --json wrote`);
  let json: Readonly<Record<string, unknown>>;
  try {
    json = Object(JSON.parse(readFileSync(file, "utf8"))) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw fault(error instanceof SyntaxError ? "is not JSON" : "cannot be read");
  }
  const { figures, samples, scenario } = json;
  if (typeof figures !== "object" || figures === null) throw fault("has no figures");
  const text = (value: unknown): string => (typeof value === "string" ? value : "unknown");
  const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
  return {
    name: file,
    calls: number(Reflect.get(figures, "calls")),
    durationS: number(json["durationS"]),
    scenario: text(Object(scenario)["name"]),
    commit: text(json["commit"]),
    date: text(json["date"]),
    machine: text(json["machine"]),
    figures: mapValues(figures, number),
    samples: Array.isArray(samples) ? (samples as Partial<Sample>[]) : [],
  };
}

/** Compared with an earlier run at the end of what is printed. */
const COMPARED = [
  "uplink_p50_ms",
  "uplink_p99_ms",
  "downlink_p99_ms",
  "clear_p99_ms",
  "loss",
  "underruns",
  "calls_failed",
  "cpu_ms_per_call_s",
  "rss_kb_per_call",
];

export function baselineText(figures: Figures, baseline: Baseline): string {
  const lines = COMPARED.map((name) => {
    const [before, now] = [baseline.figures[name] ?? null, figures[name] ?? null];
    const share =
      before === null || now === null || before === 0
        ? ""
        : `  ${now >= before ? "+" : ""}${((now / before - 1) * 100).toFixed(0)} %`;
    return `  ${name.padEnd(22)}${String(before ?? "–").padStart(10)} → ${String(now ?? "–").padEnd(10)}${share}`;
  });
  return ["", `Compared with ${baseline.name} (commit ${baseline.commit}):`, ...lines].join("\n");
}
