/** Runs side by side, as a Markdown table. Pure. */
import { RELAYS, type RelayName } from "./relays.js";
import {
  byRelay,
  doubts,
  type PeerRun,
  pairedRatio,
  type RelaySummary,
  spread,
} from "./summary.js";

interface Row {
  readonly label: string;
  readonly figure: string;
  readonly digits: number;
  /** Only where less is better and 0 is rare. */
  readonly ratio: boolean;
}

const ROWS: readonly Row[] = [
  { label: "CPU, ms per call-second", figure: "cpu_ms_per_call_s", digits: 2, ratio: true },
  { label: "memory, KB per call", figure: "rss_kb_per_call", digits: 0, ratio: true },
  {
    label: "uplink while the caller talks, p50 ms",
    figure: "uplink_p50_ms",
    digits: 2,
    ratio: true,
  },
  { label: "… p99 ms", figure: "uplink_p99_ms", digits: 2, ratio: true },
  {
    label: "uplink while the caller is silent, p50 ms",
    figure: "uplink_idle_p50_ms",
    digits: 2,
    ratio: false,
  },
  { label: "downlink, first frame, p99 ms", figure: "downlink_p99_ms", digits: 2, ratio: true },
  { label: "`speech_started` → `clear`, p99 ms", figure: "clear_p99_ms", digits: 2, ratio: true },
  { label: "barge-ins without a `clear`", figure: "clears_missing", digits: 0, ratio: false },
  {
    label: "truncation, difference to what was heard, p99 ms",
    figure: "truncation_error_p99_ms",
    digits: 0,
    ratio: false,
  },
  { label: "truncations due but not sent", figure: "truncates_missing", digits: 0, ratio: false },
  {
    label: "truncations refused by the model",
    figure: "truncates_rejected",
    digits: 0,
    ratio: false,
  },
  {
    label: "un-played audio at the phone, most, ms",
    figure: "lead_max_ms",
    digits: 0,
    ratio: false,
  },
  { label: "frames lost", figure: "loss", digits: 0, ratio: false },
  { label: "underruns", figure: "underruns", digits: 0, ratio: false },
  { label: "calls failed", figure: "calls_failed", digits: 0, ratio: false },
  { label: "relay, % of its core", figure: "cpu_percent", digits: 0, ratio: false },
  {
    label: "harness, CPU, ms per call-second",
    figure: "harness_cpu_ms_per_call_s",
    digits: 2,
    ratio: false,
  },
  { label: "harness, % of its core", figure: "harness_cpu_percent", digits: 0, ratio: false },
  { label: "harness, frames late, p99 ms", figure: "harness_late_p99_ms", digits: 2, ratio: false },
  { label: "other programs, % of a core", figure: "others_cpu_percent", digits: 0, ratio: false },
];

const NONE = "–";

/** Medians with lowest and highest, murelay's ratio to each peer, and the caveats below. */
export function comparison(runs: readonly PeerRun[], tls: boolean): string {
  const relays = byRelay(runs, tls);
  const ours = relays.find(({ relay }) => relay === "murelay");
  const peers = relays.filter(({ relay }) => relay !== "murelay");
  const header = [
    tls ? "TLS to the model" : "plain socket to the model",
    ...relays.map(({ relay }) => RELAYS[relay].label),
    ...(ours === undefined ? [] : peers.map(({ relay }) => `murelay ÷ ${RELAYS[relay].label}`)),
  ];
  const lines = [line(header), line(header.map((_, i) => (i === 0 ? "---" : "---:")))];
  for (const row of ROWS) {
    const ratios = ours === undefined ? [] : peers.map((peer) => ratioCell(ours, peer, row));
    lines.push(line([row.label, ...relays.map((relay) => spreadCell(relay, row)), ...ratios]));
  }
  const worries = worriesOf(relays);
  return worries === ""
    ? `${lines.join("\n")}\n`
    : `${lines.join("\n")}\n\nTo be read with care:\n\n${worries}`;
}

/** A line for each caveat; "" when there is none. */
function worriesOf(relays: readonly RelaySummary[]): string {
  const kinds = new Map<string, string[]>();
  for (const { relay, runs } of relays) {
    for (const doubt of doubts(runs)) {
      const worst = doubt.worst === "" ? "" : `: ${doubt.worst}`;
      const text = `${RELAYS[relay].label} in ${doubt.runs} of ${runs.length} runs${worst}`;
      kinds.set(doubt.kind, [...(kinds.get(doubt.kind) ?? []), text]);
    }
  }
  return [...kinds].map(([kind, texts]) => `- ${kind} — ${texts.join("; ")}\n`).join("");
}

/** What the model refused, by relay; "" when nothing was. */
export function refusals(runs: readonly PeerRun[]): string {
  const counts = new Map<string, number>();
  const add = (relay: RelayName, text: string, n: number): void => {
    const key = `- ${RELAYS[relay].label}: ${text}`;
    counts.set(key, (counts.get(key) ?? 0) + n);
  };
  for (const { relay, modelErrors, failures } of runs) {
    for (const [text, n] of Object.entries(modelErrors))
      add(relay, `the model refused “${text}”`, n);
    for (const [text, n] of Object.entries(failures)) add(relay, `calls failed: ${text}`, n);
  }
  return [...counts].map(([text, n]) => `${text} (${n})\n`).join("");
}

function spreadCell({ runs }: RelaySummary, { figure, digits }: Row): string {
  const found = spread(runs, figure);
  if (found === null) return NONE;
  const [low, middle, high] = [found.low, found.median, found.high].map((value) =>
    value.toFixed(digits),
  );
  return low === high ? middle! : `${middle} (${low}–${high})`;
}

function ratioCell(ours: RelaySummary, theirs: RelaySummary, { figure, ratio }: Row): string {
  const value = ratio ? pairedRatio(ours.runs, theirs.runs, figure) : null;
  if (value === null) return ratio ? NONE : "";
  return value < 0.1 ? value.toFixed(3) : value.toFixed(2);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
