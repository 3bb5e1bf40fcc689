/** A run as JSON, and as one self-contained page. */
import type { Step } from "./find-max.js";
import type { Histogram } from "./histogram.js";
import type { LoadResult, Sample } from "./load-run.js";
import { resultText } from "./report-text.js";
import type { Scenario } from "./scenario.js";
import type { SloResult } from "./slo.js";

/** Where and how the figures were measured. */
export interface ReportFacts {
  readonly command: string;
  readonly relay: string;
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly machine: string;
  readonly cores: string;
  readonly scenario: Scenario;
  readonly durationS: number;
  readonly verdicts: readonly SloResult[];
  /** Of --find-max; null otherwise. */
  readonly steps: readonly Step[] | null;
}

export function reportJson(
  result: LoadResult,
  facts: ReportFacts,
): Readonly<Record<string, unknown>> {
  const { meters } = result;
  return {
    ...facts,
    figures: result.figures,
    failures: Object.fromEntries(meters.failures),
    modelErrors: Object.fromEntries(meters.modelErrors),
    harnessLimit: result.harnessLimit,
    relayExit: result.relayExit,
    rampPerSecond: result.rampPerSecond,
    samples: result.samples,
    histogramsMs: {
      uplink: meters.uplink.buckets(),
      uplinkIdle: meters.uplinkIdle.buckets(),
      downlink: meters.downlink.buckets(),
      clear: meters.clear.buckets(),
      truncation: meters.truncation.buckets(),
      bargeInSilence: meters.bargeInSilence.buckets(),
      lead: meters.lead.buckets(),
      silence: meters.silence.buckets(),
    },
  };
}

export function reportHtml(result: LoadResult, facts: ReportFacts): string {
  const { samples, meters, figures } = result;
  const over = (label: string, pick: (sample: Sample) => number | null): Series => ({
    label,
    points: samples.flatMap((sample): Point[] => {
      const y = pick(sample);
      return y === null ? [] : [[sample.second, y]];
    }),
  });
  const charts = [
    lineChart("Uplink transit while the caller talks, ms", "s", [
      over("p50", (s) => s.uplinkP50Ms),
      over("p99", (s) => s.uplinkP99Ms),
    ]),
    lineChart("Downlink, first byte, ms", "s", [over("p99", (s) => s.downlinkP99Ms)]),
    lineChart("CPU, % of one core", "s", [
      over("relay", (s) => s.relayCpuPercent),
      over("harness", (s) => s.harnessCpuPercent),
    ]),
    lineChart("Relay's memory, MB", "s", [over("RSS", (s) => s.relayRssMb)]),
    lineChart("Live calls", "s", [over("calls", (s) => s.live)]),
    lineChart("Harness lateness, ms", "s", [over("p99", (s) => s.lateP99Ms)]),
    distribution("Transit, share of frames", [
      ["uplink, caller talks", meters.uplink],
      ["uplink, caller silent", meters.uplinkIdle],
      ["downlink, first byte", meters.downlink],
    ]),
    distribution("Barge-in, share of interruptions", [
      ["speech_started → clear", meters.clear],
      ["speech_started → phone silent", meters.bargeInSilence],
      ["|truncation error|", meters.truncation],
    ]),
    distribution("Un-played audio at the phone", [["lead", meters.lead]]),
    distribution("Silence while a reply is owed", [["silence", meters.silence]]),
  ];
  const factRows = [
    ["command", facts.command],
    ["relay", facts.relay],
    ["commit", facts.commit],
    ["date", facts.date],
    ["node", facts.node],
    ["machine", facts.machine],
    ["cores", facts.cores],
    ["scenario", facts.scenario.name],
  ].map(([name, value]) => `<tr><th>${name}</th><td>${escaped(value ?? "")}</td></tr>`);
  const all = Object.entries(figures).map(
    ([name, value]) => `<tr><td>${name}</td><td class="n">${value ?? "–"}</td></tr>`,
  );
  const steps = (facts.steps ?? []).map(
    ({ calls, ok }) =>
      `<tr><td class="n">${calls}</td><td>${ok ? "within the limits" : "a limit broke"}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Load run: ${figures["calls"]} calls</title>
<style>
:root{color-scheme:light dark;--grid:#8884;--a:#2a6fdb;--b:#d9572b;--c:#2a9d5c}
body{font:15px/1.45 system-ui,sans-serif;max-width:1080px;margin:2rem auto;padding:0 1rem}
pre{overflow-x:auto;padding:1rem;border:1px solid var(--grid);border-radius:6px;font-size:12.5px}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(440px,1fr));gap:1rem}
figure{margin:0;border:1px solid var(--grid);border-radius:6px;padding:.6rem}
figcaption{font-weight:600}svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:currentColor}
svg .grid{stroke:var(--grid)}svg path{fill:none;stroke-width:1.6}
table{border-collapse:collapse}td,th{padding:.15rem .7rem .15rem 0;text-align:left;vertical-align:top}td{overflow-wrap:anywhere}.n{text-align:right}
</style></head><body>
<h1>${figures["calls"]} calls</h1>
<table>${factRows.join("")}</table>
<pre>${escaped(resultText(result, facts.verdicts).trim())}</pre>
${steps.length > 0 ? `<h2>Search</h2><table>${steps.join("")}</table>` : ""}
<div class="charts">${charts.join("\n")}</div>
<details><summary>Every figure</summary><table>${all.join("")}</table></details>
</body></html>
`;
}

type Point = readonly [number, number];

interface Series {
  readonly label: string;
  readonly points: readonly Point[];
}

const WIDTH = 460;
const HEIGHT = 210;
const LEFT = 44;
const TOP = 10;
const RIGHT = 10;
const BOTTOM = 40;
const COLOURS = ["var(--a)", "var(--b)", "var(--c)"];

function lineChart(title: string, unit: string, series: readonly Series[]): string {
  const points = series.flatMap((one) => one.points);
  if (points.length === 0) return "";
  const maxX = Math.max(1, ...points.map(([x]) => x));
  const maxY = niceMax(Math.max(...points.map(([, y]) => y)));
  const x = (value: number): number => LEFT + (value / maxX) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => TOP + (1 - value / maxY) * (HEIGHT - TOP - BOTTOM);
  const grid = [0, 0.5, 1].map((share) => gridLine(y(share * maxY), tidy(share * maxY)));
  return figure(title, [
    ...grid,
    axisText(x(0), "0"),
    axisText(x(maxX), `${maxX} ${unit}`, "end"),
    ...series.map((one, i) =>
      line(
        one.points.map(([px, py]): Point => [x(px), y(py)]),
        i,
      ),
    ),
    legend(series.map((one) => one.label)),
  ]);
}

/** Cumulative shares over a logarithmic axis of ms. */
function distribution(
  title: string,
  histograms: readonly (readonly [string, Histogram])[],
): string {
  const some = histograms.filter(([, histogram]) => histogram.count > 0);
  if (some.length === 0) return "";
  const low = -2;
  const high = Math.ceil(Math.log10(Math.max(1, ...some.map(([, histogram]) => histogram.maxMs))));
  const x = (ms: number): number =>
    LEFT +
    ((Math.max(low, Math.log10(Math.max(ms, 1e-9))) - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const y = (share: number): number => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  return figure(title, [
    ...[0, 0.5, 1].map((share) => gridLine(y(share), `${share * 100} %`)),
    ...ticks.map((power) =>
      axisText(x(10 ** power), `${10 ** power}`, power === high ? "end" : "middle"),
    ),
    ...some.map(([, histogram], i) => {
      let seen = 0;
      const points = histogram.buckets().map(([ms, count]): Point => {
        seen += count;
        return [x(ms), y(seen / histogram.count)];
      });
      return line([[x(points.length === 0 ? 0 : 10 ** low), y(0)], ...points], i);
    }),
    legend(some.map(([label]) => label)),
  ]);
}

function figure(title: string, parts: readonly string[]): string {
  return `<figure><figcaption>${escaped(title)}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">${parts.join("")}</svg></figure>`;
}

function gridLine(y: number, label: string): string {
  return (
    `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}"/>` +
    `<text x="${LEFT - 6}" y="${(y + 4).toFixed(1)}" text-anchor="end">${label}</text>`
  );
}

function axisText(x: number, text: string, anchor: "start" | "middle" | "end" = "start"): string {
  return `<text x="${x.toFixed(1)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="${anchor}">${text}</text>`;
}

function line(points: readonly Point[], index: number): string {
  const path = points
    .map(([x, y], i) => `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("");
  return `<path d="${path}" stroke="${COLOURS[index % COLOURS.length]}"/>`;
}

function legend(labels: readonly string[]): string {
  return labels
    .map((label, i) => {
      const x = LEFT + i * 135;
      return `<rect x="${x}" y="${HEIGHT - 14}" width="10" height="10" fill="${COLOURS[i % COLOURS.length]}"/><text x="${x + 14}" y="${HEIGHT - 5}">${escaped(label)}</text>`;
    })
    .join("");
}

function niceMax(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 2.5, 5, 10].find((factor) => value <= factor * power) ?? 10;
  return step * power;
}

function tidy(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function escaped(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
