/** The report that the demo prints after its call, and the checks that decide its exit status. */
import type { CallRecord } from "../src/domain/call-record.js";

export interface BargeIn {
  /** From `speech_started` leaving the model to `clear` reaching Twilio. */
  readonly clearMs: number;
  readonly audioEndMs: number;
  /** What the simulated phone had really played of that item. */
  readonly heardMs: number;
  /** What the machine took from this process in the second before the `clear`. */
  readonly machineLostMs: number;
}

/** The phone had nothing to play in the middle of the agent's speech. */
export interface GapInSpeech {
  readonly gapMs: number;
  /** How much the agent had said before it, in the whole call. */
  readonly spokenMs: number;
  /** What the machine took from this process in the second before it. */
  readonly machineLostMs: number;
}

/** A gap or an error after this much lost time counts as the machine's. */
const EXCUSED_FROM_MS = 20;

/** Paths of the files that a demo writes. */
export interface ReportFiles {
  readonly recordFile: string;
  readonly wavFile: string;
  readonly flightFile: string;
}

export interface DemoReport extends ReportFiles {
  readonly record: CallRecord;
  readonly bargeIns: readonly BargeIn[];
  readonly firstAudioMs: number | null;
  readonly maxLeadMs: number;
  readonly gaps: readonly GapInSpeech[];
  readonly connected: boolean;
  /** What the transfer target heard before the caller was put through. */
  readonly whisper: string | number | boolean | null;
  readonly violations: readonly string[];
}

/** What did not hold, one entry each; empty: the demo worked. */
export function complaints(report: DemoReport): string[] {
  const { record, bargeIns, violations } = report;
  const out = violations.map((text) => `protocol: ${text}`);
  const must = (holds: boolean, text: string): void => {
    if (!holds) out.push(text);
  };
  must(report.firstAudioMs !== null, "the caller never heard the greeting");
  must(
    record.tools.some(({ outcome }) => outcome === "ok"),
    "no question was answered through a tool",
  );
  must(bargeIns.length > 0, "the caller's interruption was not detected");
  for (const { audioEndMs, heardMs, machineLostMs } of bargeIns) {
    must(
      Math.abs(audioEndMs - heardMs) <= 60 || machineLostMs >= EXCUSED_FROM_MS,
      `the model remembers ${audioEndMs} ms, the caller heard ${heardMs} ms`,
    );
  }
  must(record.transfer?.outcome === "answered", "the transfer was not answered");
  must(String(report.whisper).includes("4217"), "the whisper does not name the order");
  must(report.connected, "the transfer target was never connected");
  must(
    record.outcome === "transferred",
    `the record says ${record.outcome ?? "nothing"} instead of transferred`,
  );
  for (const gap of report.gaps) must(excused(gap), gapText(gap));
  return out;
}

export function reportLines(report: DemoReport): string[] {
  return [
    "",
    "Call report",
    "-----------",
    ...figureLines(report),
    "",
    "Turns",
    ...turnLines(report.record),
    "",
    `call record   ${report.recordFile}`,
    `recording     ${report.wavFile} (left: caller, right: agent)`,
    `every message ${report.flightFile} (again: npx murelay replay FILE)`,
  ];
}

function figureLines(report: DemoReport): string[] {
  const { record, bargeIns, gaps } = report;
  const lines: string[] = [];
  const row = (name: string, value: string): void => void lines.push(`${name.padEnd(22)}${value}`);
  const { callSid, agent, outcome, endReason } = record;
  row("call", `${callSid}, agent ${agent ?? "?"}, ${outcome ?? "?"} (${endReason ?? "?"})`);
  row("first audio", ms(report.firstAudioMs));
  const voice = record.turns.flatMap(({ voiceToVoiceMs }) => voiceToVoiceMs ?? []);
  const times = voice.map((value) => `${Math.round(value)} ms`).join(", ");
  row("voice to voice", voice.length === 0 ? "-" : times);
  for (const bargeIn of bargeIns) row("barge-in", bargeInText(bargeIn));
  const lead = `${Math.round(report.maxLeadMs)} ms at most`;
  row("lead at the phone", `${lead}, ${gaps.length} underruns`);
  for (const gap of gaps.filter(excused)) row("", `excused: ${gapText(gap)}`);
  for (const tool of record.tools) row("tool", `${tool.name}: ${tool.outcome}, ${tool.ms} ms`);
  if (record.transfer !== null) row("transfer", transferText(record.transfer));
  if (report.whisper !== null) row("whisper", `“${report.whisper}”`);
  row(
    "cost",
    record.costUsd === null
      ? "no price known for this model"
      : `${record.costUsd.toFixed(4)} USD (simulated tokens)`,
  );
  return lines;
}

function bargeInText({ clearMs, audioEndMs, heardMs, machineLostMs }: BargeIn): string {
  const error = Math.abs(audioEndMs - heardMs);
  const lost =
    machineLostMs < EXCUSED_FROM_MS
      ? ""
      : ` (the machine took ${Math.round(machineLostMs)} ms just before)`;
  return (
    `clear after ${clearMs.toFixed(1)} ms; ` +
    `|audio_end_ms - heard| = |${audioEndMs} - ${heardMs}| = ${error} ms${lost}`
  );
}

function transferText(transfer: NonNullable<CallRecord["transfer"]>): string {
  const { destination, kind, outcome, reason } = transfer;
  const because = reason === null ? "" : `, because: ${reason}`;
  return `${destination} (${kind}): ${outcome ?? "?"}${because}`;
}

function turnLines(record: CallRecord): string[] {
  return record.turns.map((turn) => {
    const heard =
      turn.who === "agent" && turn.heardText !== turn.text
        ? `\n${" ".repeat(22)}heard: “${turn.heardText ?? ""}”`
        : "";
    return `${time(turn.startedMs)}  ${turn.who.padEnd(12)}“${turn.text ?? ""}”${heard}`;
  });
}

function excused({ machineLostMs }: GapInSpeech): boolean {
  return machineLostMs >= EXCUSED_FROM_MS;
}

function gapText({ gapMs, spokenMs, machineLostMs }: GapInSpeech): string {
  return (
    `a gap of ${gapMs.toFixed(1)} ms after ${Math.round(spokenMs)} ms of the agent's speech` +
    ` (the machine took ${Math.round(machineLostMs)} ms from this process just before)`
  );
}

function ms(value: number | null): string {
  return value === null ? "-" : `${Math.round(value)} ms`;
}

function time(value: number | null): string {
  return `${((value ?? 0) / 1000).toFixed(1).padStart(6)} s`;
}
