/** Call records as text for a terminal. */
import type { CallRecord, RecordedTransfer } from "../../domain/call-record.js";

/** One line per call, under a line of titles. */
export function callTable(calls: readonly CallRecord[]): string[] {
  const titles = ["CALL", "STARTED", "STATE", "AGENT", "FROM", "TO", "LENGTH", "COST"];
  const rows = calls.map((call) => [
    call.callSid,
    timeOf(call.startedAt),
    call.outcome ?? call.state,
    call.agent ?? "-",
    call.from ?? "-",
    call.to ?? "-",
    lengthOf(call),
    call.costUsd === null ? "-" : dollars(call.costUsd),
  ]);
  const all = [titles, ...rows];
  const widths = titles.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Everything that a reader wants to know of one call: its facts, then what happened, in order. */
export function callReport(call: CallRecord): string[] {
  return [...facts(call), "", ...timeline(call)];
}

function facts(call: CallRecord): string[] {
  const { outcome, endReason, state } = call;
  const reason = endReason === null ? "" : ` (${endReason})`;
  const lines: [string, string | null][] = [
    ["call", `${call.callSid}, ${outcome ?? state}${reason}`],
    ["agent", `${call.agent ?? "-"}, ${call.direction}, ${call.path}, node ${call.node ?? "-"}`],
    ["from, to", `${call.from ?? "-"}, ${call.to ?? "-"}`],
    ["started", `${timeOf(call.startedAt)} UTC, ${lengthOf(call)} min`],
    ["cost", costOf(call)],
    ["recording", call.recording === null ? null : (call.recording.file ?? call.recording.sid)],
  ];
  return lines.flatMap(([name, text]) => (text === null ? [] : [`${name.padEnd(10)} ${text}`]));
}

function costOf({ costUsd, unpriced }: CallRecord): string | null {
  const without =
    unpriced.length === 0 ? "" : ` without ${unpriced.join(", ")}, which has no price`;
  if (costUsd === null) return unpriced.length === 0 ? null : `unknown:${without}`;
  return `${dollars(costUsd)}${without}`;
}

interface Moment {
  readonly atMs: number;
  readonly text: string;
}

function timeline(call: CallRecord): string[] {
  const transfers = [...call.earlierTransfers, ...(call.transfer === null ? [] : [call.transfer])];
  const moments = [
    ...turns(call),
    ...call.tools.map((tool) => ({
      atMs: tool.atMs,
      text: toolText(tool),
    })),
    ...transfers.flatMap(transferMoments),
    ...call.events.map(({ atMs, name, fields }) => ({
      atMs,
      text: `note      ${name}${fieldsText(fields)}`,
    })),
  ];
  // A stable sort: what happened at the same time stays in the order of its kinds.
  return moments
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ atMs, text }) => `${secondsOf(atMs).padStart(8)}  ${text}`);
}

function turns(call: CallRecord): Moment[] {
  return call.turns.map((turn) => {
    const text = turn.text ?? "(no transcript)";
    return {
      atMs: turn.startedMs ?? 0,
      text: `${turn.who.padEnd(8)}  ${text}${turn.who === "agent" ? heardText(turn) : ""}`,
    };
  });
}

/** How much of an agent's turn the caller heard, where it was not all of it. */
export function heardText(turn: {
  readonly heardMs: number | null;
  readonly receivedMs: number | null;
  readonly interruptedAtMs: number | null;
}): string {
  const { heardMs, receivedMs, interruptedAtMs } = turn;
  if (heardMs === null || receivedMs === null || heardMs >= receivedMs) return "";
  const how = interruptedAtMs === null ? "" : ", interrupted";
  return ` [heard ${secondsOf(heardMs)} of ${secondsOf(receivedMs)} s${how}]`;
}

export function toolText(tool: {
  readonly name: string;
  readonly arguments: string;
  readonly output: string;
  readonly ms: number;
  readonly outcome: string;
}): string {
  const { name, outcome, ms } = tool;
  return `tool      ${name} ${tool.arguments} → ${tool.output} (${outcome}, ${ms} ms)`;
}

function transferMoments(transfer: RecordedTransfer): Moment[] {
  const { destination, kind, by, reason, outcome } = transfer;
  const why = reason === null ? "" : `: ${reason}`;
  const end = outcome === null ? "under way" : outcome;
  return [
    {
      atMs: transfer.requestedMs,
      text: `transfer  to ${destination} (${kind}, by the ${by}), ${end}${why}`,
    },
    ...transfer.steps.map(({ atMs, step, detail }) => ({
      atMs,
      text: `transfer  ${step}${detail === null ? "" : `: ${detail}`}`,
    })),
  ];
}

/** Fields as ` name=value …`, with a space before each. */
export function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("");
}

export function secondsOf(ms: number): string {
  return (ms / 1000).toFixed(1);
}

/** `2026-11-21 08:00:12`, in UTC. */
function timeOf(iso: string | null): string {
  return iso === null ? "-" : iso.slice(0, 19).replace("T", " ");
}

/** Minutes and seconds: `2:05`; `-` while the call lives. */
function lengthOf({ startedAt, endedAt }: CallRecord): string {
  if (startedAt === null || endedAt === null) return "-";
  const seconds = Math.max(0, Math.round((Date.parse(endedAt) - Date.parse(startedAt)) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function dollars(usd: number): string {
  return `$${usd.toFixed(4)}`;
}
