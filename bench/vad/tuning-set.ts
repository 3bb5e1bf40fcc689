/**
 * Measures the tuning of `server_vad`: calls in noise, with callers who pause within their turns.
 */
import { FRAME_BYTES, FRAME_MS } from "../../src/codec/frame.js";
import { encodeUlaw } from "../../src/codec/ulaw.js";
import { CallerVad } from "../../src/vad/caller-vad.js";
import { type ServerVadSettings, ThresholdTuner } from "../../src/vad/threshold-tuner.js";
import { TurnWatch } from "../../src/vad/turn-watch.js";
import { Random } from "../random.js";
import { makeNoise, type NoiseKind } from "./noise.js";
import type { Recording } from "./prompts.js";
import { table } from "./report.js";
import type { Section, SectionTask } from "./section.js";
import { ServerVad } from "./server-vad.js";

export const FIXED: ServerVadSettings = {
  threshold: 0.5,
  prefixPaddingMs: 300,
  silenceDurationMs: 500,
};

const RATE_HZ = 8000;
const NOISES: readonly (NoiseKind | "none")[] = ["none", "white", "babble", "hum", "music"];
/** Speech over noise, in dB. */
const SNRS_DB = [20, 10, 5];
/** Three kinds of callers: how long they pause between two sentences of one turn. */
const PAUSES_MS = [120, 350, 620];
const TURNS = 14;
/** An end of turn that is noticed later has lost the caller's patience. */
const IN_TIME_MS = 1_300;
const CALLS = { quick: 1, full: 6 };

/** A call, and where its turns truly begin and end, in ms. */
export interface Conversation {
  readonly ulaw: Uint8Array;
  readonly turns: readonly (readonly [startMs: number, endMs: number])[];
  readonly noise: NoiseKind | "none";
  readonly snrDb: number;
}

export interface Tally {
  turns: number;
  right: number;
  cutOff: number;
  late: number;
  updates: number;
  mostUpdates: number;
  /** Changes of the threshold that took back the one before. */
  reversals: number;
}

export function makeConversation(
  speech: readonly Recording[],
  noise: NoiseKind | "none",
  snrDb: number,
  pauseMs: number,
  random: Random,
): Conversation {
  const pieces: { samples: Float32Array; atMs: number }[] = [];
  const turns: [number, number][] = [];
  let atMs = 1_000;
  for (let turn = 0; turn < TURNS; turn++) {
    const startMs = atMs;
    const sentences = 1 + random.below(3);
    for (let i = 0; i < sentences; i++) {
      const samples = trimmed(random.pick(speech).samples.subarray(0, 3 * RATE_HZ));
      pieces.push({ samples, atMs });
      atMs += (samples.length / RATE_HZ) * 1000;
      if (i + 1 < sentences) atMs += pauseMs * random.between(0.7, 1.3);
    }
    turns.push([startMs, atMs]);
    atMs += random.between(2_500, 4_500);
  }
  const samples = Math.ceil(((atMs / 1000) * RATE_HZ) / FRAME_BYTES) * FRAME_BYTES;
  const mixed = new Float32Array(samples);
  const speechDbov = random.between(-32, -20);
  for (const piece of pieces) {
    const gain = 10 ** (speechDbov / 20) / activeRms(piece.samples);
    const from = Math.round((piece.atMs / 1000) * RATE_HZ);
    piece.samples.forEach((sample, i) => {
      mixed[from + i] = sample * gain;
    });
  }
  if (noise !== "none") {
    const gain = 10 ** ((speechDbov - snrDb) / 20);
    const sound = makeNoise(noise, samples, random, { speech, music: [] });
    for (let i = 0; i < samples; i++) mixed[i] = mixed[i]! + gain * sound[i]!;
  }
  const pcm = Int16Array.from(mixed, (sample) =>
    Math.max(-32768, Math.min(32767, Math.round(32768 * sample + 6 * random.gauss()))),
  );
  const ulaw = new Uint8Array(samples);
  encodeUlaw(pcm, ulaw);
  return { ulaw, turns, noise, snrDb };
}

/** Plays a call to the server's VAD and, where `tuned`, to ours; counts how its turns ended. */
export function play(conversation: Conversation, tuned: boolean, into: Tally): void {
  const server = new ServerVad(FIXED);
  const tuner = new ThresholdTuner(FIXED);
  const watch = new TurnWatch(tuner);
  const detector = new CallerVad();
  const stops: number[] = [];
  const thresholds: number[] = [FIXED.threshold];
  let updates = 0;
  for (
    let at = 0, ms = 0;
    at + FRAME_BYTES <= conversation.ulaw.length;
    at += FRAME_BYTES, ms += FRAME_MS
  ) {
    const heard = detector.hear(conversation.ulaw, at, at + FRAME_BYTES, ms);
    if (heard === "speech_started") watch.localStarted(detector.startedMs);
    if (heard === "speech_stopped") watch.localStopped(detector.stoppedMs);
    const said = server.frame(conversation.ulaw, at);
    const { silenceDurationMs } = server.settings;
    if (said === "started") watch.serverStarted(ms);
    if (said === "stopped") {
      stops.push(ms);
      watch.serverStopped(ms, silenceDurationMs);
      if (detector.stoppedMs > 0)
        tuner.lineMeasured(detector.noiseFloorDbov, detector.speechLevelDbov);
    }
    watch.check(ms, silenceDurationMs);
    if (!tuned || !watch.betweenTurns) continue;
    const next = tuner.propose(ms);
    if (next === null) continue;
    server.settings = next;
    watch.settingsChanged(ms);
    updates++;
    if (next.threshold !== thresholds.at(-1)) thresholds.push(next.threshold);
  }
  count(conversation, stops, into);
  into.updates += updates;
  into.mostUpdates = Math.max(into.mostUpdates, updates);
  for (let i = 2; i < thresholds.length; i++)
    if (thresholds[i] === thresholds[i - 2]) into.reversals++;
}

function count(conversation: Conversation, stops: readonly number[], into: Tally): void {
  conversation.turns.forEach(([startMs, endMs], i) => {
    const nextMs = conversation.turns[i + 1]?.[0] ?? Number.POSITIVE_INFINITY;
    into.turns++;
    const cutOff = stops.some((ms) => ms > startMs + 200 && ms < endMs);
    const inTime = stops.some((ms) => ms >= endMs && ms <= endMs + IN_TIME_MS && ms < nextMs);
    if (cutOff) into.cutOff++;
    else if (inTime) into.right++;
    else into.late++;
  });
}

export function newTally(): Tally {
  return { turns: 0, right: 0, cutOff: 0, late: 0, updates: 0, mostUpdates: 0, reversals: 0 };
}

/** Runs every kind of call fixed and tuned; the same audio for both. */
export function runTuningSet(speech: readonly Recording[], calls: number, seed: number) {
  const rows: { noise: string; snrDb: number; fixed: Tally; tuned: Tally }[] = [];
  const random = new Random(seed);
  for (const noise of NOISES) {
    for (const snrDb of noise === "none" ? [60] : SNRS_DB) {
      const row = { noise, snrDb, fixed: newTally(), tuned: newTally() };
      for (const pauseMs of PAUSES_MS) {
        for (let n = 0; n < calls; n++) {
          const conversation = makeConversation(speech, noise, snrDb, pauseMs, random);
          play(conversation, false, row.fixed);
          play(conversation, true, row.tuned);
        }
      }
      rows.push(row);
    }
  }
  const sum = (pick: (row: (typeof rows)[number]) => Tally, noisy: boolean): Tally => {
    const total = newTally();
    for (const row of rows) {
      if ((row.noise !== "none") !== noisy) continue;
      const tally = pick(row);
      for (const key of ["turns", "right", "cutOff", "late", "updates", "reversals"] as const)
        total[key] += tally[key];
      total.mostUpdates = Math.max(total.mostUpdates, tally.mostUpdates);
    }
    return total;
  };
  const of = (noisy: boolean) => ({
    fixed: sum((row) => row.fixed, noisy),
    tuned: sum((row) => row.tuned, noisy),
  });
  return { rows, noisy: of(true), quiet: of(false) };
}

const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

export function tuningSection({ speech, quick, seed }: SectionTask): Section {
  const test = speech.filter(({ half }) => half === "test");
  const result = runTuningSet(test, quick ? CALLS.quick : CALLS.full, seed);
  const { fixed, tuned } = result.noisy;
  const line = (name: string, snr: string, { fixed, tuned }: { fixed: Tally; tuned: Tally }) => [
    name,
    snr,
    share(fixed.right, fixed.turns),
    share(tuned.right, tuned.turns),
    share(fixed.cutOff, fixed.turns),
    share(tuned.cutOff, tuned.turns),
    share(fixed.late, fixed.turns),
    share(tuned.late, tuned.turns),
    String(tuned.mostUpdates),
  ];
  const markdown = [
    "### `server_vad`, adapted to the line",
    "",
    "Turns whose end the simulated server VAD noticed within 1.3 s, and that it did not cut off in a pause: with 0.5 / 300 / 500 throughout, and tuned by local VAD. The callers pause 120, 350 or 620 ms between the sentences of a turn. Test half.",
    "",
    table(
      [
        "noise",
        "SNR",
        "right, fixed",
        "right, tuned",
        "cut off, fixed",
        "cut off, tuned",
        "late, fixed",
        "late, tuned",
        "most updates a call",
      ],
      [
        ...result.rows.map((row) =>
          line(row.noise, row.noise === "none" ? "–" : `${row.snrDb} dB`, row),
        ),
        line("all noise", "", result.noisy),
      ],
    ),
    "",
    `Changes of the threshold that were taken back: ${tuned.reversals + result.quiet.tuned.reversals}.`,
  ].join("\n");
  const missed: string[] = [];
  if (tuned.right <= fixed.right)
    missed.push(
      `tuning does not raise turn-end accuracy in noise: ${share(fixed.right, fixed.turns)} → ${share(tuned.right, tuned.turns)}`,
    );
  if (tuned.reversals + result.quiet.tuned.reversals > 0) missed.push("tuning oscillates");
  return { name: "tuning", markdown, missed, json: result };
}

/** Without the silence at both ends, so that a turn's end is where its sound ends. */
function trimmed(samples: Float32Array): Float32Array {
  const loud = 0.02 * samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  let start = 0;
  let end = samples.length;
  while (start < end && Math.abs(samples[start]!) < loud) start++;
  while (end > start && Math.abs(samples[end - 1]!) < loud) end--;
  return samples.subarray(start, end);
}

function activeRms(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample ** 2;
  return Math.sqrt(sum / Math.max(1, samples.length)) || 1;
}
