import { readFileSync, writeFileSync } from "node:fs";
import { FAULT_CASES } from "./cases.js";
import { GROUPS } from "./fault-case.js";
import type { CaseResult } from "./run-case.js";

const FILE = "docs/fault-checks.md";
export const BEGIN = "<!-- table: made by npm run test:faults -->";

/** Writes the table of a whole run below the text of the page. */
export function writePage(results: readonly CaseResult[]): void {
  const text = readFileSync(FILE, "utf8");
  writeFileSync(FILE, `${text.slice(0, text.indexOf(BEGIN))}${BEGIN}\n${tables(results)}`);
}

function resultText(result: CaseResult | undefined): string {
  if (result === undefined) return "not run";
  if (result.missing !== null) return `not run: ${firstLine(result.missing)}`;
  return result.failure === null ? "holds" : firstLine(result.failure);
}

/** A message of an assertion may have many lines. */
function firstLine(failure: string): string {
  return (failure.split("\n")[0] ?? "").replaceAll("|", "\\|").slice(0, 120);
}

function tables(results: readonly CaseResult[]): string {
  const byName = new Map(results.map((result) => [result.name, result]));
  return Object.entries(GROUPS)
    .map(([group, title]) => {
      const rows = FAULT_CASES.filter((one) => one.group === group).map((one) => {
        const result = byName.get(one.name);
        const fault = result?.fault ?? null;
        const steady =
          fault === null ? "–" : `${fault.p99Ms.toFixed(1)} · ${Math.round(fault.gapMs)}`;
        return `| \`${one.name}\` | ${one.what} | ${one.holds} | ${steady} | ${resultText(result)} |`;
      });
      return (
        `\n### ${title}\n\n| case | what happens | what holds | steady calls, ms | result |\n` +
        `|---|---|---|---|---|\n${rows.join("\n")}\n`
      );
    })
    .join("");
}
