/** A whole comparison: what is kept as JSON, and what docs/benchmarks.md says of it. Pure. */
import { plot } from "./plot.js";
import { isRelayName, RELAYS, type RelayName } from "./relays.js";
import type { PeerRun } from "./summary.js";
import { comparison, refusals } from "./table.js";

export interface PeerReport {
  readonly command: string;
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly machine: string;
  /** Which core the harness had and which the relays. */
  readonly cores: string;
  readonly calls: number;
  readonly durationS: number;
  readonly rounds: number;
  /** Package → installed version. */
  readonly versions: Readonly<Record<string, string>>;
  readonly runs: readonly PeerRun[];
}

const BEGIN = "<!-- bench:peers begin: written by `npm run bench:peers -- --write-docs` -->";
const END = "<!-- bench:peers end -->";

/** Both tables with their caveats; `resultFile` as the page links to it. */
export function section(report: PeerReport, resultFile: string): string {
  const { runs } = report;
  const kinds = [false, true].filter((tls) => runs.some((run) => run.tls === tls));
  const facts = [
    ["command", `\`${report.command}\``],
    ["commit", `\`${report.commit}\``],
    ["date", report.date],
    ["Node", report.node],
    ["machine", report.machine],
    ["cores", report.cores],
    ["load", `${report.calls} calls for ${report.durationS} s, rounds: ${report.rounds}`],
    ...versionFacts(report),
    ["every figure", `[${resultFile.split("/").at(-1)}](${resultFile})`],
  ];
  const refused = refusals(runs);
  return [
    ...kinds.map((tls) => comparison(runs, tls)),
    ...(refused === "" ? [] : [`Refused or failed, over all runs:\n\n${refused}`]),
    `![CPU, memory and uplink latency of each relay](images/peers.svg)\n`,
    ["| | |", "|---|---|", ...facts.map(([name, value]) => `| ${name} | ${value} |`)].join("\n"),
  ].join("\n");
}

export function figure({ runs, calls, rounds, machine, node, commit, date }: PeerReport): string {
  const spread =
    rounds === 1 ? "one round" : `medians of ${rounds} rounds, with lowest and highest`;
  return plot(runs, [
    `${calls} calls, ${spread}`,
    `${machine}, Node ${node}, commit ${commit}, ${date.slice(0, 10)}`,
  ]);
}

/**
 * The page with what stands between the markers replaced.
 *
 * @throws Error when the page lacks the markers.
 */
export function withSection(page: string, text: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`the page lacks the lines "${BEGIN}" and "${END}"`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${text.trimEnd()}\n\n${page.slice(to)}`;
}

/** @throws Error when it is no such report. */
export function readReport(text: string, where: string): PeerReport {
  const value: unknown = JSON.parse(text);
  if (!isReport(value)) throw new Error(`${where}: is not a result of bench:peers`);
  return value;
}

function isReport(value: unknown): value is PeerReport {
  if (
    typeof value !== "object" ||
    value === null ||
    !("runs" in value) ||
    !Array.isArray(value.runs)
  )
    return false;
  const texts = ["command", "date", "commit", "node", "machine", "cores"];
  const numbers = ["calls", "durationS", "rounds"];
  const fields = new Map<string, unknown>(Object.entries(value));
  return (
    texts.every((name) => typeof fields.get(name) === "string") &&
    numbers.every((name) => typeof fields.get(name) === "number") &&
    typeof fields.get("versions") === "object" &&
    value.runs.every(isRun)
  );
}

function isRun(value: unknown): value is PeerRun {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const relay = fields.get("relay");
  return (
    typeof relay === "string" &&
    isRelayName(relay) &&
    typeof fields.get("round") === "number" &&
    typeof fields.get("tls") === "boolean" &&
    typeof fields.get("figures") === "object" &&
    fields.get("figures") !== null
  );
}

function versionFacts({ versions, runs }: PeerReport): string[][] {
  const measured = new Set<RelayName>(runs.map((run) => run.relay));
  return [...measured].flatMap((relay) => {
    const { label, packages } = RELAYS[relay];
    const known = packages.flatMap((name) =>
      versions[name] === undefined ? [] : `${name} ${versions[name]}`,
    );
    return known.length === 0 ? [] : [[label, known.join(", ")]];
  });
}
