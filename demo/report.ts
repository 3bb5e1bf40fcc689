import type { CallRecord } from "../src/domain/call-record.js";

export interface BargeIn {
  /** From the model's `speech_started` leaving it to `clear` arriving at the phone's side. */
  readonly clearMs: number;
  readonly audioEndMs: number;
  /** What the simulated phone had really played of that item. */
  readonly heardMs: number;
  /** What the machine took from this process in the second before the `clear`: it was heard on while that lasted. */
  readonly machineLostMs: number;
}

/** The phone had nothing to play in the middle of what the agent says. */
export interface GapInSpeech {
  readonly gapMs: number;
  /** How much of all that the agent says came before it. */
  readonly spokenMs: number;
  /** What the machine took from this process in the second before it. */
  readonly machineLostMs: number;
}

/** What happens after so much lost time is the machine's. */
const EXCUSED_FROM_MS = 20;

/** Paths of what a demo leaves. */
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
  /** What the human was told before the caller was put through. */
  readonly briefing: string | number | boolean | null;
  readonly violations: readonly string[];
}

/** What must hold for the demo to have worked; each entry is a complaint. */
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
  must(bargeIns.length > 0, "the caller's interruption was not noticed");
  for (const { audioEndMs, heardMs, machineLostMs } of bargeIns) {
    must(
      Math.abs(audioEndMs - heardMs) <= 60 || machineLostMs >= EXCUSED_FROM_MS,
      `the model remembers ${audioEndMs} ms, the caller heard ${heardMs} ms`,
    );
  }
  must(record.transfer?.outcome === "answered", "the transfer was not answered");
  must(String(report.briefing).includes("4217"), "the human was not told what it is about");
  must(report.connected, "the human was never connected");
  must(
    record.outcome === "transferred",
    `the record says ${record.outcome ?? "nothing"} instead of transferred`,
  );
  for (const gap of report.gaps) must(excused(gap), gapText(gap));
  return out;
}

export function reportLines(report: DemoReport): string[] {
  const { record } = report;
  const lines = ["", "Call report", "-----------"];
  const row = (name: string, value: string): void => void lines.push(`${name.padEnd(22)}${value}`);
  row(
    "call",
    `${record.callSid}, agent ${record.agent ?? "?"}, ${record.outcome ?? "?"} (${record.endReason ?? "?"})`,
  );
  row("first audio", ms(report.firstAudioMs));
  const voice = record.turns.flatMap(({ voiceToVoiceMs }) => voiceToVoiceMs ?? []);
  row(
    "voice to voice",
    voice.length === 0 ? "-" : voice.map((value) => `${Math.round(value)} ms`).join(", "),
  );
  for (const { clearMs, audioEndMs, heardMs, machineLostMs } of report.bargeIns) {
    const lost =
      machineLostMs < EXCUSED_FROM_MS
        ? ""
        : ` (the machine took ${Math.round(machineLostMs)} ms just before)`;
    row(
      "barge-in",
      `clear after ${clearMs.toFixed(1)} ms; |audio_end_ms - heard| = |${audioEndMs} - ${heardMs}| = ${Math.abs(audioEndMs - heardMs)} ms${lost}`,
    );
  }
  row(
    "lead at the phone",
    `${Math.round(report.maxLeadMs)} ms at most, ${report.gaps.length} underruns`,
  );
  for (const gap of report.gaps.filter(excused)) row("", `excused: ${gapText(gap)}`);
  for (const tool of record.tools) row("tool", `${tool.name}: ${tool.outcome}, ${tool.ms} ms`);
  if (record.transfer !== null) {
    const { destination, kind, outcome, reason } = record.transfer;
    row(
      "transfer",
      `${destination} (${kind}): ${outcome ?? "?"}${reason === null ? "" : `, because: ${reason}`}`,
    );
  }
  if (report.briefing !== null) row("briefing", `“${report.briefing}”`);
  row(
    "cost",
    record.costUsd === null
      ? "no price known for this model"
      : `${record.costUsd.toFixed(4)} USD (simulated tokens)`,
  );
  lines.push("", "Turns");
  for (const turn of record.turns) {
    const heard =
      turn.who === "agent" && turn.heardText !== turn.text
        ? `\n${" ".repeat(22)}heard: “${turn.heardText ?? ""}”`
        : "";
    lines.push(
      `${time(turn.startedMs)}  ${turn.who.padEnd(8)}${"    "}“${turn.text ?? ""}”${heard}`,
    );
  }
  lines.push(
    "",
    `call record   ${report.recordFile}`,
    `recording     ${report.wavFile} (left: caller, right: agent)`,
    `every message ${report.flightFile} (again: npx murelay replay FILE)`,
  );
  return lines;
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
