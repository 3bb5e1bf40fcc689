/**
 * `murelay demo`: the relay, a simulated model and a simulated Twilio on loopback, and one whole
 * support call between them, with recorded human speech. Prints the call as it happens, then a
 * report. Exits 1 when a check of the call fails.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stereoWav } from "../sim/audio/wav.js";
import { type SimulatedModel, startModel } from "../sim/model.js";
import { heardMs } from "../sim/twilio/heard.js";
import type { Leg } from "../sim/twilio/leg.js";
import { legAudio } from "../sim/twilio/recordings.js";
import { type SimulatedTwilio, startTwilio } from "../sim/twilio.js";
import { FlightFiles } from "../src/adapters/journal/flight-files.js";
import type { App } from "../src/app/app.js";
import { onInterrupt } from "../src/cli/process-signals.js";
import type { CallSid } from "../src/domain/ids.js";
import type { MemoryJournal } from "../src/records/memory-journal.js";
import { consoleAddress, NUMBERS, startSoftphone, transferTarget } from "./browser-call.js";
import { runLiveDemo } from "./live.js";
import { ProcessStallMonitor } from "./process-stall.js";
import { DEMO_FOLDER, PUBLIC_URL, startRelay } from "./relay.js";
import {
  type BargeIn,
  complaints,
  type DemoReport,
  type GapInSpeech,
  type ReportFiles,
  reportLines,
} from "./report.js";
import { type DemoClips, demoScript, loadDemoClips } from "./script.js";
import { runSipDemo } from "./sip.js";
import { SoftphoneLines } from "./softphone.js";
import { Timeline } from "./timeline.js";

/** The caller interrupts once they have heard this much of the answer. */
const INTERRUPTS_AFTER_MS = 4_500;
/** Between two things that a person says. */
const BREATH_MS = 600;
/** How long caller and transfer target talk before the caller hangs up. */
const TALK_MS = 1_500;

interface DemoParts {
  readonly model: SimulatedModel;
  readonly twilio: SimulatedTwilio;
  readonly app: App;
  readonly journal: MemoryJournal;
  readonly adminPort: number;
  readonly lines: SoftphoneLines;
  readonly stalls: ProcessStallMonitor;
  /** When `speech_started` left the model, each time, on the simulators' clock. */
  readonly speechStartedMs: number[];
}

/** What the demo needs of the command that runs it. */
export interface DemoIo {
  /** The environment, merged with the settings file. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** @returns the exit status. */
export async function main(
  args: readonly string[],
  io: DemoIo = { env: process.env },
): Promise<number> {
  const print = (line: string) => console.log(line);
  if (args.includes("--sip")) return runSipDemo();
  if (args.includes("--live")) return runLiveDemo(io.env, print);
  const clips = loadDemoClips();
  console.log("murelay demo: one support call, every part on this machine\n");
  const parts = await startParts(clips, new Timeline(print));
  try {
    const faults = await runCall(parts, clips);
    if (args.includes("--keep")) {
      await stayUp(parts, clips);
      return 0;
    }
    return faults === 0 ? 0 : 1;
  } finally {
    parts.stalls.stop();
    await parts.twilio.close();
    await parts.app.stop();
    await parts.model.close();
  }
}

async function startParts(clips: DemoClips, timeline: Timeline): Promise<DemoParts> {
  const speechStartedMs: number[] = [];
  const model = await startModel({
    script: demoScript(clips),
    hooks: { onSpeechStarted: (atMs) => void speechStartedMs.push(atMs) },
  });
  const lines = new SoftphoneLines();
  const twilio = await startTwilio({
    publicUrl: PUBLIC_URL,
    numbers: NUMBERS,
    callees: transferTarget,
    hooks: lines.hooks,
  });
  const { app, journal, adminPort } = await startRelay(model, twilio, timeline, "./agents.yaml");
  const stalls = new ProcessStallMonitor();
  return { model, twilio, app, journal, adminPort, lines, stalls, speechStartedMs };
}

/** Acts the caller, then prints the report. @returns how many checks failed. */
async function runCall(parts: DemoParts, clips: DemoClips): Promise<number> {
  const { twilio, speechStartedMs } = parts;
  speechStartedMs.length = 0;
  const call = twilio.placeCall();
  await call.events.until("first_media");
  await agentFinished(call, clips.greeting.audio);
  await call.say(clips.problem.audio);
  await heardAtLeast(call, clips.answer.audio, INTERRUPTS_AFTER_MS);
  await call.say(clips.interrupts.audio);
  await agentFinished(call, clips.thanks.audio);
  await call.say(clips.human.audio);
  const target = await calledTarget(parts);
  await target.events.until("conference_joined", {}, 20_000);
  await pause(TALK_MS);
  call.hangUp();
  await call.ended;
  await twilio.settled();

  const report = reportOf(parts, call, target, clips);
  for (const line of reportLines(report)) console.log(line);
  const faults = complaints(report);
  console.log(
    faults.length === 0
      ? "\nEverything held."
      : `\nDid not hold:\n${faults.map((text) => `  ${text}`).join("\n")}`,
  );
  return faults.length;
}

function reportOf(parts: DemoParts, call: Leg, target: Leg, clips: DemoClips): DemoReport {
  const record = parts.journal.record(call.sid as CallSid);
  if (record === null) throw new Error("the relay kept no record of the call");
  return {
    record,
    bargeIns: bargeIns(parts, call, clips),
    firstAudioMs: firstAudioMs(call),
    maxLeadMs: call.streams[0]?.playout.maxLeadMs ?? 0,
    gaps: gapsInSpeech(call, clips, parts.stalls),
    connected:
      target.events.find("conference_joined") !== undefined &&
      call.events.find("conference_joined") !== undefined,
    whisper: target.events.find("gather")?.detail["prompt"] ?? null,
    violations: [...parts.twilio.violations(), ...parts.model.violations()],
    ...writeFiles(call, record),
  };
}

/** The leg to the transfer target: the last that is not the caller's. */
async function calledTarget({ twilio }: DemoParts): Promise<Leg> {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 20) {
    const leg = twilio.legs.findLast(({ direction, over }) => direction !== "inbound" && !over);
    if (leg !== undefined) return leg;
    await pause(20);
  }
  throw new Error("the transfer target was not called");
}

async function stayUp(parts: DemoParts, clips: DemoClips): Promise<void> {
  const phone = await startSoftphone(parts);
  console.log(
    "\nstaying up. Watch calls, and talk to the agent by this browser's microphone:\n\n" +
      `  ${consoleAddress(parts.adminPort, phone.address)}\n\n` +
      "Enter places the same call again, Ctrl-C ends",
  );
  try {
    await moreCalls(parts, clips);
  } finally {
    phone.close();
  }
}

/** Until Ctrl-C; without a keyboard too. One call at a time. */
async function moreCalls(parts: DemoParts, clips: DemoClips): Promise<void> {
  const { stdin } = process;
  let busy = false;
  await new Promise<void>((resolve, reject) => {
    // Keeps the process up where stdin is closed.
    const awake = setInterval(() => {}, 60_000);
    onInterrupt(() => {
      clearInterval(awake);
      resolve();
    });
    stdin.setEncoding("utf8").on("data", () => {
      if (busy) return;
      busy = true;
      runCall(parts, clips)
        .catch(reject)
        .finally(() => {
          busy = false;
        });
    });
  });
  stdin.destroy();
}

/** Compares the truncation that the model received with what the phone had played. */
function bargeIns(parts: DemoParts, call: Leg, clips: DemoClips): BargeIn[] {
  const stream = call.streams[0];
  const truncation = parts.model.sessions.at(-1)?.truncations.find(({ accepted }) => accepted);
  const clear = stream?.playout.clears[0];
  if (stream === undefined || truncation === undefined || clear === undefined) return [];
  const started = parts.speechStartedMs.filter((atMs) => atMs <= clear.atMs).at(-1);
  return [
    {
      clearMs: clear.atMs - (started ?? Number.NEGATIVE_INFINITY),
      audioEndMs: truncation.audioEndMs,
      heardMs: Math.round(heardMs(stream, clips.answer.audio) ?? 0),
      machineLostMs: parts.stalls.lostBefore(clear.atMs),
    },
  ];
}

function firstAudioMs(call: Leg): number | null {
  const started = call.events.find("stream_started");
  const first = call.events.find("first_media");
  return started === undefined || first === undefined ? null : first.atMs - started.atMs;
}

/** Gaps inside an item: between two items silence is wanted. */
function gapsInSpeech(call: Leg, clips: DemoClips, stalls: ProcessStallMonitor): GapInSpeech[] {
  const ends = new Set<number>();
  let at = 0;
  for (const { audio } of [clips.greeting, clips.looks, clips.answer]) {
    at += audio.length;
    ends.add(at);
  }
  const playout = call.streams[0]?.playout;
  const cleared = playout?.clears[0]?.receivedBytes ?? Number.POSITIVE_INFINITY;
  // After the interruption, sums of whole items are wrong. The items that follow are short.
  const inside = playout?.gaps.filter(({ atByte }) => atByte < cleared && !ends.has(atByte)) ?? [];
  return inside.map(({ atMs, gapMs, atByte }) => ({
    gapMs,
    spokenMs: atByte / 8,
    machineLostMs: stalls.lostBefore(atMs),
  }));
}

function writeFiles(call: Leg, record: unknown): ReportFiles {
  mkdirSync(DEMO_FOLDER, { recursive: true });
  const recordFile = join(DEMO_FOLDER, `${call.sid}.json`);
  const wavFile = join(DEMO_FOLDER, `${call.sid}.wav`);
  const flightFile = join(DEMO_FOLDER, FlightFiles.fileName(call.sid as CallSid));
  writeFileSync(recordFile, `${JSON.stringify(record, null, 2)}\n`);
  const { caller, agent } = legAudio(call);
  writeFileSync(wavFile, stereoWav(caller, agent));
  return { recordFile, wavFile, flightFile };
}

async function agentFinished(call: Leg, audio: Uint8Array): Promise<void> {
  await heardAtLeast(call, audio, audio.length / 8);
  await pause(BREATH_MS);
}

/** @throws Error when the caller has not heard so much of it after half a minute. */
async function heardAtLeast(call: Leg, audio: Uint8Array, ms: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 20) {
    const stream = call.stream;
    if (stream !== null && (heardMs(stream, audio) ?? 0) >= ms - 1) return;
    await pause(20);
  }
  const sofar = call.events.text();
  throw new Error(`the caller did not hear what the agent says; so far:\n${sofar}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
