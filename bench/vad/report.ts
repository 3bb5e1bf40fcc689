/** The figures as Markdown: for the terminal and for docs/vad.md alike. */
import type { Claim } from "./claims.js";
import { SNRS_DB } from "./eval-set.js";
import type { Evaluation, Row } from "./evaluation.js";
import { percentile } from "./measures.js";
import { NOISE_KINDS } from "./noise.js";

export function reportMarkdown(evaluation: Evaluation, claims: readonly Claim[]): string {
  const { rows, languages } = evaluation;
  const snrs = ["none", ...SNRS_DB.map(String)];
  const kinds = ["none", ...NOISE_KINDS];
  const names = ["", ...rows.map(({ name }) => name)];
  const f1 = (
    label: (key: string) => string,
    keys: readonly string[],
    cell: (row: Row, key: string) => number,
  ) =>
    table(
      names,
      keys.map((key) => [label(key), ...rows.map((row) => cell(row, key).toFixed(3))]),
    );
  return [
    `${evaluation.speechHours.toFixed(1)} h of lines with speech, ${evaluation.noiseHours.toFixed(1)} h without.`,
    "### Promises",
    table(
      ["", "measured", "limit", ""],
      claims.map(({ what, figure, limit, holds }) => [
        what,
        figure,
        limit,
        holds ? "holds" : "**missed**",
      ]),
    ),
    "### Frame F1 by loudness of the noise",
    f1(
      (key) => (key === "none" ? "no noise" : `${key} dB`),
      snrs,
      (row, key) => row.f1BySnr[key]!,
    ),
    "### Frame F1 by language, at 5 dB and more",
    f1(
      (key) => key,
      languages,
      (row, key) => row.f1ByLanguage[key]!,
    ),
    "### Frame F1 by noise, at 5 dB and more",
    f1(
      (key) => key,
      kinds,
      (row, key) => row.f1ByNoise[key]!,
    ),
    "### Onsets, at 10 dB and more",
    onsetTable(rows),
    "### Lines without speech",
    falseOnsetTable(rows),
    "### False onsets an hour at equal recall, 5 dB and more",
    table(
      [
        "",
        "recall",
        "fvad false onsets",
        "ours at that recall",
        "fvad time in speech",
        "ours",
        "our onset p50",
        "p90",
      ],
      evaluation.equalRecall.map(({ name, recall, theirs, ours, ourOnsets }) => [
        name,
        percent(recall),
        theirs.perHour.toFixed(0),
        ours.perHour.toFixed(0),
        percent(theirs.heldShare),
        percent(ours.heldShare),
        `${percentile(ourOnsets.delaysMs, 50)} ms`,
        `${percentile(ourOnsets.delaysMs, 90)} ms`,
      ]),
    ),
    "### Cost of a frame, decoding included",
    table(
      ["", "median", "fastest round"],
      evaluation.costs.map(({ name, medianUs, fastestUs }) => [
        name,
        `${medianUs.toFixed(2)} µs`,
        `${fastestUs.toFixed(2)} µs`,
      ]),
    ),
    "### Certain silence",
    sureText(evaluation),
    ...(evaluation.guests.length === 0 ? [] : guestParts(evaluation)),
  ].join("\n\n");
}

function sureText({ sure }: Evaluation): string {
  return [
    `Without noise and at 20 dB, \`certainlySilent\` covers ${percent(sure.share)} of the silence and`,
    `${percent(sure.speechShare)} of the speech frames; of the speech that begins in it,`,
    `${percent(sure.lateShare)} has not ended it after 60 ms.`,
  ].join(" ");
}

/** Detectors of another weight class: no promise is made against them. */
function guestParts({ rows, guests }: Evaluation): string[] {
  const compared = [rows[0]!, ...guests];
  const names = ["", ...compared.map(({ name }) => name)];
  const line = (label: string, cell: (row: Row) => string) => [label, ...compared.map(cell)];
  return [
    "### Beside a detector a hundred times as large",
    table(names, [
      ...["none", ...SNRS_DB.map(String)].map((snr) =>
        line(snr === "none" ? "F1, no noise" : `F1, ${snr} dB`, (row) =>
          row.f1BySnr[snr]!.toFixed(3),
        ),
      ),
      ...NOISE_KINDS.map((kind) => line(`F1, ${kind}`, (row) => row.f1ByNoise[kind]!.toFixed(3))),
      line("onset delay p50", (row) => `${percentile(row.onsets.delaysMs, 50)} ms`),
      line("onset delay p90", (row) => `${percentile(row.onsets.delaysMs, 90)} ms`),
      line("false onsets an hour", (row) => row.falseOnsets.perHour.toFixed(0)),
      line("time classified as speech", (row) => percent(row.falseOnsets.heldShare)),
    ]),
  ];
}

function onsetTable(rows: readonly Row[]): string {
  return table(
    ["", "p50", "p90", "p99", "missed", "already in speech", "recall", "false alarms"],
    rows.map(({ name, onsets, recall, falseAlarmShare }) => {
      const all = onsets.delaysMs.length + onsets.alreadyOn;
      const ms = (p: number) => {
        const value = percentile(onsets.delaysMs, p);
        return Number.isFinite(value) ? `${value} ms` : "—";
      };
      return [
        name,
        ms(50),
        ms(90),
        ms(99),
        percent(onsets.missed / Math.max(1, all)),
        percent(onsets.alreadyOn / Math.max(1, all)),
        percent(recall),
        percent(falseAlarmShare),
      ];
    }),
  );
}

function falseOnsetTable(rows: readonly Row[]): string {
  return table(
    ["false onsets an hour", ...rows.map(({ name }) => name)],
    [
      ...NOISE_KINDS.map((kind) => [
        kind,
        ...rows.map((row) => row.falseOnsetsByNoise[kind]!.perHour.toFixed(0)),
      ]),
      ["all", ...rows.map((row) => row.falseOnsets.perHour.toFixed(0))],
      ["time classified as speech", ...rows.map((row) => percent(row.falseOnsets.heldShare))],
    ],
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Columns of even width, so that it reads well in a terminal too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, c) =>
    Math.max(3, title.length, ...rows.map((row) => row[c]!.length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join(" | ")} |`;
  const rule = `|${widths.map((width, c) => (c === 0 ? `:${"-".repeat(width + 1)}` : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}
