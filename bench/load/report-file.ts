/** A run as one self-contained page. The page draws its data itself. */
import { readFileSync } from "node:fs";
import type { Baseline } from "./baseline.js";
import type { ReportData } from "./report-data.js";

const beside = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
/** One script of two modules. */
const SCRIPT = ["./report-charts.js", "./report-client.js"]
  .map((name) =>
    beside(name)
      .replace(/^import [^;]*;$/gm, "")
      .replace(/^export /gm, ""),
  )
  .join("");
const STYLE = beside("./report.css");

/** What the page shows while a run goes on: the end's figures are not known yet. */
export type ReportSoFar = Partial<ReportData> &
  Pick<ReportData, "figures" | "samples"> & {
    /** Differs between the runs that one page shows. */
    readonly run?: number;
  };

/**
 * @param baseline  an earlier run that this one is compared with.
 * @param live      the page asks for newer data every second, at `data.json` beside itself.
 */
export function reportHtml(
  data: ReportSoFar,
  baseline: Baseline | null = null,
  live = false,
): string {
  const title = `Load run: ${data.figures["calls"] ?? "?"} calls`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escaped(title)}</title>
<style>
${STYLE}</style></head><body>
<main id="report"><h1>${escaped(title)}</h1>
<noscript><p>Charts need JavaScript.</p><pre>${escaped(data.text ?? "")}</pre></noscript></main>
<script type="application/json" id="data">${inScript({ data, baseline, live })}</script>
<script type="module">
${SCRIPT}</script>
</body></html>
`;
}

/** JSON that cannot end the element that holds it. */
function inScript(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

function escaped(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
