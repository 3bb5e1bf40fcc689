/**
 * `murelay demo`: the relay, a simulated model and a simulated Twilio on loopback, and one whole support call between them,
 * with recorded human speech. Prints the call as it happens, then a report; exits 1 when anything in it did not hold.
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
import type { CallSid } from "../src/domain/ids.js";
import type { MemoryJournal } from "../src/records/memory-journal.js";
import { consoleAddress, NUMBERS, startSoftphone, transferTarget } from "./browser-call.js";
import { runLiveDemo } from "./live.js";
import { ProcessStallMonitor } from "./process-stall.js";
import { DEMO_FOLDER, PUBLIC_URL, startRelay } from "./relay.js";
import {
  type BargeIn,
  complaints,
  type GapInSpeech,
  type ReportFiles,
  reportLines,
} from "./report.js";
import { type DemoClips, demoScript, loadDemoClips } from "./script.js";
import { runSipDemo } from "./sip.js";
import { SoftphoneLines } from "./softphone.js";
import { Timeline } from "./timeline.js";

/** The caller interrupts when they have heard so much of the answer. */
const PATIENCE_MS = 4_500;
/** Between two things that a person says. */
const BREATH_MS = 600;

interface Stage {
  readonly model: SimulatedModel;
  readonly twilio: SimulatedTwilio;
  readonly app: App;
  readonly journal: MemoryJournal;
  readonly adminPort: number;
  readonly lines: SoftphoneLines;
  readonly stalls: ProcessStallMonitor;
  /** When `speech_started` left the model, per time, on the simulators' clock. */
  readonly speechStartedMs: number[];
}

/** @returns the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--sip")) return runSipDemo();
  if (args.includes("--live")) return runLiveDemo(process.env, (line) => console.log(line));
  const keep = args.includes("--keep");
  const clips = loadDemoClips();
  const timeline = new Timeline((line) => console.log(line));
  console.log("murelay demo: one support call, every part on this machine\n");
  const stage = await setStage(clips, timeline);
  try {
    const faults = await placeCall(stage, clips);
    if (!keep) return faults === 0 ? 0 : 1;
    const phone = await startSoftphone(stage);
    console.log(
      `\nstaying up. Watch calls, and talk to the agent by this browser's microphone:\n\n  ${consoleAddress(stage.adminPort, phone.address)}\n\nEnter places the same call again, Ctrl-C ends`,
    );
    try {
      await moreCalls(stage, clips);
    } finally {
      phone.close();
    }
    return 0;
  } finally {
    stage.stalls.stop();
    await stage.twilio.close();
    await stage.app.stop();
    await stage.model.close();
  }
}

async function setStage(clips: DemoClips, timeline: Timeline): Promise<Stage> {
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

/** Plays the caller. @returns how many things did not hold. */
async function placeCall(stage: Stage, clips: DemoClips): Promise<number> {
  const { twilio, model, journal, speechStartedMs } = stage;
  speechStartedMs.length = 0;
  const call = twilio.placeCall();
  await call.events.until("first_media");
  await agentFinished(call, clips.greeting.audio);
  await call.say(clips.problem.audio);
  await heardAtLeast(call, clips.answer.audio, PATIENCE_MS);
  await call.say(clips.interrupts.audio);
  await agentFinished(call, clips.thanks.audio);
  await call.say(clips.human.audio);
  const human = await humanOf(stage);
  await human.events.until("conference_joined", {}, 20_000);
  // The two talk; then the caller hangs up.
  await pause(1_500);
  call.hangUp();
  await call.ended;
  await twilio.settled();

  const record = journal.record(call.sid as CallSid);
  if (record === null) throw new Error("the relay kept no record of the call");
  const files = writeFiles(call, record);
  const stream = call.streams[0];
  const report = {
    record,
    bargeIns: bargeIns(stage, call, clips),
    firstAudioMs: firstAudioMs(call),
    maxLeadMs: stream?.playout.maxLeadMs ?? 0,
    gaps: gapsInSpeech(call, clips, stage.stalls),
    connected:
      human.events.find("conference_joined") !== undefined &&
      call.events.find("conference_joined") !== undefined,
    briefing: human.events.find("gather")?.detail["prompt"] ?? null,
    violations: [...twilio.violations(), ...model.violations()],
    ...files,
  };
  for (const line of reportLines(report)) console.log(line);
  const faults = complaints(report);
  console.log(
    faults.length === 0
      ? "\nEverything held."
      : `\nDid not hold:\n${faults.map((text) => `  ${text}`).join("\n")}`,
  );
  return faults.length;
}

/** The leg that the relay calls: the last that is not the caller's. */
async function humanOf({ twilio }: Stage): Promise<Leg> {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 20) {
    const leg = twilio.legs.findLast(({ direction, over }) => direction !== "inbound" && !over);
    if (leg !== undefined) return leg;
    await pause(20);
  }
  throw new Error("nobody was called");
}

/** Until Ctrl-C; without a keyboard too. One call at a time. */
async function moreCalls(stage: Stage, clips: DemoClips): Promise<void> {
  const { stdin } = process;
  let busy = false;
  await new Promise<void>((resolve, reject) => {
    // Keeps the process up where input is closed.
    const awake = setInterval(() => {}, 60_000);
    process.once("SIGINT", () => {
      clearInterval(awake);
      resolve();
    });
    stdin.setEncoding("utf8").on("data", () => {
      if (busy) return;
      busy = true;
      placeCall(stage, clips)
        .catch(reject)
        .finally(() => {
          busy = false;
        });
    });
  });
  stdin.destroy();
}

/** How each `clear` compares with the truth at the phone. */
function bargeIns(stage: Stage, call: Leg, clips: DemoClips): BargeIn[] {
  const stream = call.streams[0];
  const truncation = stage.model.sessions.at(-1)?.truncations.find(({ accepted }) => accepted);
  const clear = stream?.playout.clears[0];
  if (stream === undefined || truncation === undefined || clear === undefined) return [];
  const started = stage.speechStartedMs.filter((atMs) => atMs <= clear.atMs).at(-1);
  return [
    {
      clearMs: clear.atMs - (started ?? Number.NEGATIVE_INFINITY),
      audioEndMs: truncation.audioEndMs,
      heardMs: Math.round(heardMs(stream, clips.answer.audio) ?? 0),
      machineLostMs: stage.stalls.lostBefore(clear.atMs),
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
  // After the interruption the sum of whole items says nothing; then items are short and come whole.
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
  throw new Error(`the caller did not hear what the agent says; so far:\n${call.events.text()}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
