/**
 * Calls with echo of playout: does echo alone stop the agent, and does the caller still stop it?
 *
 * A call has three to five turns of the agent. On half of the calls only the agent speaks, so any
 * hold is wrong. On the others the caller begins to speak during one of the turns and must be
 * detected within 200 ms. The detector is the relay's own.
 */
import { pathToFileURL } from "node:url";
import { FRAME_BYTES, FRAME_MS } from "../../src/codec/frame.js";
import { decodeUlaw, encodeUlaw } from "../../src/codec/ulaw.js";
import { CallerVad } from "../../src/vad/caller-vad.js";
import { Random } from "../random.js";
import { ECHO_KINDS, type EchoKind, echoOf } from "./echo-path.js";
import { type Half, loadPrompts, type Recording } from "./prompts.js";
import { frameDb, markSpeech } from "./truth.js";
import { syntheticPrompts } from "./voice.js";

const RATE_HZ = 8000;
const CALL_S = 14;
const FRAMES = (CALL_S * 1000) / FRAME_MS;
const LEAD_FRAMES = 8;
/** Active level of what the model says, as it reaches the phone. */
const PLAYED_DBOV: readonly [number, number] = [-24, -16];
/** Active level of callers (ITU-T P.56). */
const CALLER_DBOV: readonly [number, number] = [-32, -16];
const LINE_DBOV: readonly [number, number] = [-72, -46];
const GAIN_DB: readonly [number, number] = [-35, -15];
const DELAY_MS: readonly [number, number] = [20, 500];
/** Error of the relay's clock of the phone; it differs in every turn. */
const CLOCK_ERROR_MS = 60;
const ECHO_OVER_MS = 800;
/** The caller is detected in time at most this long after their first sound. */
export const CAUGHT_WITHIN_MS = 200;

export interface EchoSetOptions {
  readonly half: Half;
  /** As many with the caller's speech, and as many without. */
  readonly calls: number;
  readonly seed: number;
  readonly recordings: readonly Recording[];
}

export interface EchoCall {
  readonly kind: EchoKind;
  readonly gainDb: number;
  readonly delayMs: number;
  /** The agent's turn in which the caller begins, from 0; null: only the agent speaks. */
  readonly turn: number | null;
  /**
   * From the caller's first sound to its detection; infinite: never; null: only the agent speaks.
   */
  readonly caughtMs: number | null;
  /** The detector took something else for the caller. */
  readonly heldByEcho: boolean;
}

export interface EchoSetResult {
  readonly half: Half;
  readonly echoOnly: { readonly calls: number; readonly held: number };
  readonly doubleTalk: {
    readonly calls: number;
    readonly caught: number;
    readonly heldBefore: number;
    readonly caughtP50Ms: number;
    readonly caughtP90Ms: number;
  };
  readonly all: readonly EchoCall[];
}

/** A detector under test. By default the relay's own. */
export type MakeDetector = () => Pick<CallerVad, "hear" | "played">;

export interface Scene {
  readonly played: Uint8Array;
  readonly uplink: Uint8Array;
  /** By frame: how far the relay's clock of the phone is off. */
  readonly clockErrorMs: Float32Array;
  readonly onsetMs: number | null;
  readonly call: Omit<EchoCall, "caughtMs" | "heldByEcho">;
}

export function runEchoSet(
  options: EchoSetOptions,
  makeDetector: MakeDetector = () => new CallerVad(),
): EchoSetResult {
  const recordings = options.recordings.filter(({ half }) => half === options.half);
  const random = new Random(options.seed);
  const all: EchoCall[] = [];
  for (let n = 0; n < 2 * options.calls; n++)
    all.push(listen(makeScene(recordings, n % 2 === 1, random), makeDetector()));
  const alone = all.filter(({ turn }) => turn === null);
  const both = all.filter(({ turn }) => turn !== null);
  const latencies = both
    .map(({ caughtMs }) => caughtMs ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => a - b);
  return {
    half: options.half,
    echoOnly: { calls: alone.length, held: alone.filter(({ heldByEcho }) => heldByEcho).length },
    doubleTalk: {
      calls: both.length,
      caught: latencies.filter((ms) => ms <= CAUGHT_WITHIN_MS).length,
      heldBefore: both.filter(({ heldByEcho }) => heldByEcho).length,
      caughtP50Ms: quantile(latencies, 0.5),
      caughtP90Ms: quantile(latencies, 0.9),
    },
    all,
  };
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export function makeScene(
  recordings: readonly Recording[],
  withCaller: boolean,
  random: Random,
): Scene {
  const samples = FRAMES * FRAME_BYTES;
  const agent = new Float32Array(samples);
  const clockErrorMs = new Float32Array(FRAMES);
  const turns = agentTurns(agent, clockErrorMs, recordings, random);
  const played = new Uint8Array(samples);
  encodeUlaw(toPcm(agent), played);
  const kind = random.pick(ECHO_KINDS);
  const gainDb = random.between(...GAIN_DB);
  const delayMs = random.between(...DELAY_MS);
  const uplink = echoOf(heard(played), { kind, gainDb, delayMs }, random);
  let onsetMs: number | null = null;
  let turn: number | null = null;
  if (withCaller) {
    turn = random.below(turns.length);
    const [from, to] = turns[turn]!;
    // Early enough in the turn that there is something to interrupt, and late enough that the phone
    // plays it.
    const startMs = random.between(from + 400, Math.max(from + 500, to - 600));
    onsetMs = addCaller(uplink, recordings, startMs, random);
  }
  const idle = 10 ** (random.between(...LINE_DBOV) / 20);
  for (let i = 0; i < uplink.length; i++) uplink[i] = uplink[i]! + idle * random.gauss();
  const ulaw = new Uint8Array(samples);
  encodeUlaw(toPcm(uplink), ulaw);
  return { played, uplink: ulaw, clockErrorMs, onsetMs, call: { kind, gainDb, delayMs, turn } };
}

/** What the agent says, with pauses between its turns. Returns each turn's begin and end in ms. */
function agentTurns(
  agent: Float32Array,
  clockErrorMs: Float32Array,
  recordings: readonly Recording[],
  random: Random,
): [number, number][] {
  const level = random.between(...PLAYED_DBOV);
  const turns: [number, number][] = [];
  let at = Math.floor(RATE_HZ * random.between(0.2, 0.8));
  while (at + 2 * RATE_HZ < agent.length) {
    const begin = at;
    const wanted = at + RATE_HZ * random.between(1.5, 4);
    while (at < wanted && at < agent.length) {
      const { samples } = random.pick(recordings);
      const end = Math.min(agent.length, at + samples.length);
      const gain = gainTo(samples, level);
      for (let i = at; i < end; i++) agent[i] = gain * samples[i - at]!;
      at = end;
    }
    const errorMs = random.between(-CLOCK_ERROR_MS, CLOCK_ERROR_MS);
    clockErrorMs.fill(errorMs, Math.floor(begin / FRAME_BYTES), Math.ceil(at / FRAME_BYTES));
    turns.push([begin / 8, at / 8]);
    at += Math.floor(RATE_HZ * random.between(0.6, 2));
  }
  return turns;
}

/** @returns when the caller's first sound is on the line, in ms. */
function addCaller(
  uplink: Float32Array,
  recordings: readonly Recording[],
  startMs: number,
  random: Random,
): number {
  const { samples } = random.pick(recordings);
  const truth = new Uint8Array(Math.ceil(samples.length / FRAME_BYTES));
  markSpeech(samples, 0, samples.length, truth);
  const first = Math.max(0, truth.indexOf(1)) * FRAME_BYTES;
  const at = Math.floor(startMs * 8);
  const gain = gainTo(samples, random.between(...CALLER_DBOV));
  const end = Math.min(uplink.length, at + samples.length - first);
  for (let i = at; i < end; i++) uplink[i] = uplink[i]! + gain * samples[first + i - at]!;
  return at / 8;
}

/**
 * What scales a recording to an active level: its level over the frames within 25 dB of its
 * loudest.
 */
function gainTo(samples: Float32Array, dbov: number): number {
  const levels: number[] = [];
  for (let at = 0; at + FRAME_BYTES <= samples.length; at += FRAME_BYTES)
    levels.push(frameDb(samples, at));
  const peak = Math.max(...levels);
  const active = levels.filter((level) => level > peak - 25).map((level) => 10 ** (level / 10));
  const mean = active.reduce((sum, power) => sum + power, 0) / Math.max(1, active.length);
  return 10 ** (dbov / 20) / Math.sqrt(mean + 1e-12);
}

export function listen(scene: Scene, detector: ReturnType<MakeDetector>): EchoCall {
  const { call, onsetMs } = scene;
  let heldByEcho = false;
  let lastPlayedMs = Number.NEGATIVE_INFINITY;
  for (let frame = 0; frame < FRAMES; frame++) {
    // The relay sends ahead of the phone, turn by turn; what it sends as silence it does not send
    // at all.
    const ahead = frame + LEAD_FRAMES;
    const from = ahead * FRAME_BYTES;
    if (ahead < FRAMES && !silent(scene.played, from))
      detector.played(
        scene.played,
        from,
        from + FRAME_BYTES,
        ahead * FRAME_MS + scene.clockErrorMs[ahead]!,
      );
    const endMs = (frame + 1) * FRAME_MS;
    const start = frame * FRAME_BYTES;
    if (!silent(scene.played, start)) lastPlayedMs = endMs;
    if (detector.hear(scene.uplink, start, start + FRAME_BYTES, endMs) !== "speech_started")
      continue;
    if (onsetMs !== null && endMs > onsetMs)
      return { ...call, caughtMs: endMs - onsetMs, heldByEcho };
    // Between turns there is nothing to hold, and no echo once the last of it is back.
    if (endMs > lastPlayedMs + ECHO_OVER_MS) continue;
    heldByEcho = true;
    // One wrong hold counts; after it the caller's turn is awaited.
    if (onsetMs === null) break;
  }
  return { ...call, caughtMs: onsetMs === null ? null : Number.POSITIVE_INFINITY, heldByEcho };
}

function silent(ulaw: Uint8Array, start: number): boolean {
  for (let i = start; i < start + FRAME_BYTES; i++)
    if (ulaw[i] !== 0xff && ulaw[i] !== 0x7f) return false;
  return true;
}

/** The phone gets mu-law, with its loss. */
function heard(played: Uint8Array): Float32Array {
  const pcm = new Int16Array(played.length);
  decodeUlaw(played, pcm);
  // A loop: `Float32Array.from` with a function takes ten times as long.
  const samples = new Float32Array(pcm.length);
  for (let i = 0; i < pcm.length; i++) samples[i] = pcm[i]! / 32768;
  return samples;
}

function toPcm(samples: Float32Array): Int16Array {
  const pcm = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++)
    pcm[i] = Math.max(-32768, Math.min(32767, Math.round(32768 * samples[i]!)));
  return pcm;
}

const percent = (part: number, whole: number) =>
  whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`;

export function echoTable(result: EchoSetResult): string {
  const { echoOnly, doubleTalk, all } = result;
  const row = (name: string, calls: readonly EchoCall[]) => {
    const alone = calls.filter(({ turn }) => turn === null);
    const both = calls.filter(({ turn }) => turn !== null);
    const held = alone.filter(({ heldByEcho }) => heldByEcho).length;
    const caught = both.filter(
      ({ caughtMs }) => caughtMs !== null && caughtMs <= CAUGHT_WITHIN_MS,
    ).length;
    return `| ${name} | ${percent(held, alone.length)} of ${alone.length} | ${percent(caught, both.length)} of ${both.length} |`;
  };
  const within = (low: number, high: number) =>
    all.filter(({ gainDb }) => gainDb >= low && gainDb < high);
  return [
    "| calls | paused by echo alone | caller caught within 200 ms |",
    "|---|---|---|",
    row("all", all),
    row("echo at −15 … −20 dB", within(-20, -15)),
    row("echo at −20 … −25 dB", within(-25, -20)),
    row("echo at −25 … −30 dB", within(-30, -25)),
    row("echo at −30 … −35 dB", within(-35, -30)),
    ...ECHO_KINDS.map((kind) =>
      row(
        kind,
        all.filter((call) => call.kind === kind),
      ),
    ),
    ...[0, 1, 2].map((turn) =>
      row(
        `caller in the agent's turn ${turn + 1}`,
        all.filter((call) => call.turn === turn),
      ),
    ),
    "",
    `Echo alone: ${echoOnly.held} of ${echoOnly.calls} calls paused. Caller over echo: ${doubleTalk.caught} of ${doubleTalk.calls} caught, ` +
      `half of them within ${doubleTalk.caughtP50Ms.toFixed(0)} ms, nine of ten within ${doubleTalk.caughtP90Ms.toFixed(0)} ms; ` +
      `${doubleTalk.heldBefore} paused by echo before the caller spoke.`,
  ].join("\n");
}

/** Recorded prompts where they are installed, else voices that a program makes. */
export function speechMaterial(): Recording[] {
  try {
    return loadPrompts();
  } catch {
    return syntheticPrompts(120, 7);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const recordings = speechMaterial();
  const calls = Number(process.argv[2] ?? 600);
  for (const half of ["dev", "test"] as const) {
    console.log(`\n${half} half, ${calls} calls each\n`);
    console.log(echoTable(runEchoSet({ half, calls, seed: half === "dev" ? 11 : 12, recordings })));
  }
}
