/** What the caller at the simulated phone really heard, and when. */
import { levelDbov } from "../audio/mulaw.js";
import type { ConnectionState } from "../connection-log.js";
import type { CallLeg } from "./call-leg.js";
import type { PlayedRun } from "./playout.js";
import { legAudio } from "./recordings.js";
import { FRAME_BYTES, FRAME_MS } from "./voice.js";

/** The part of a MediaStream that knows what was played. */
export interface PlayedStream {
  readonly playout: { readonly runs: readonly PlayedRun[] };
}

/** An item as the caller heard it, in ms of the simulators' clock. */
export interface HeardItem {
  /** How much of the item's beginning was heard. */
  readonly heardMs: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** Speech is louder than this, a quiet line is not. */
const AUDIBLE_DBOV = -50;

/** All that was played to the caller in one stream, in order, without the pauses. */
export function playedAudio(stream: PlayedStream): Buffer {
  return Buffer.concat(stream.playout.runs.flatMap((run) => run.chunks));
}

/**
 * The longest beginning of `item` that stands in what was played, and when it was heard.
 *
 * @returns null when not even 20 ms of it were played.
 */
export function heardItem(stream: PlayedStream, item: Uint8Array): HeardItem | null {
  const played = playedAudio(stream);
  const head = Buffer.from(item.subarray(0, FRAME_BYTES));
  let best: { readonly at: number; readonly bytes: number } | null = null;
  for (let at = played.indexOf(head); at >= 0; at = played.indexOf(head, at + 1)) {
    let bytes = head.length;
    while (bytes < item.length && played[at + bytes] === item[bytes]) bytes++;
    if (best === null || bytes > best.bytes) best = { at, bytes };
  }
  if (best === null) return null;
  const { runs } = stream.playout;
  return {
    heardMs: best.bytes / 8,
    startedAtMs: instantOf(runs, best.at),
    endedAtMs: instantOf(runs, best.at + best.bytes - 1) + 1 / 8,
  };
}

/** How much of an item the caller has heard, in ms; null: not even 20 ms of it. */
export function heardMs(stream: PlayedStream, item: Uint8Array): number | null {
  return heardItem(stream, item)?.heardMs ?? null;
}

/** When the byte with this number, of all that were played, was played. */
function instantOf(runs: readonly PlayedRun[], byte: number): number {
  let before = 0;
  for (const run of runs) {
    if (byte < before + run.bytes) return run.startMs + (byte - before) / 8;
    before += run.bytes;
  }
  return Number.NaN;
}

export interface Silence {
  /** In ms since the leg began, as in its events. */
  readonly fromMs: number;
  readonly ms: number;
}

/**
 * The longest stretch in which the line was silent: neither caller nor agent was audible, and
 * Twilio played nothing (no Say, music or ringing) and no party of a bridge could be heard.
 *
 * @param leg     of a Twilio that keeps audio.
 * @param states  of the leg, from the connection log.
 * @param span    in ms since the leg began. Default from the answer to now or the leg's end.
 */
export function longestSilence(
  leg: CallLeg,
  states: readonly ConnectionState[],
  span: { readonly fromMs: number; readonly untilMs: number },
): Silence {
  const audible = audibleFrames(leg, states, Math.ceil(span.untilMs / FRAME_MS));
  let longest: Silence = { fromMs: span.fromMs, ms: 0 };
  let since = Math.floor(span.fromMs / FRAME_MS);
  for (let frame = since; frame <= audible.length; frame++) {
    if (frame < audible.length && audible[frame] === 0) continue;
    const ms = (frame - since) * FRAME_MS;
    if (ms > longest.ms) longest = { fromMs: since * FRAME_MS, ms };
    since = frame + 1;
  }
  return longest;
}

/** 1 for each 20 ms in which something could be heard. */
function audibleFrames(
  leg: CallLeg,
  states: readonly ConnectionState[],
  frames: number,
): Uint8Array {
  const audible = new Uint8Array(frames);
  const { caller, agent } = legAudio(leg);
  for (const track of [caller, agent])
    for (let frame = 0; (frame + 1) * FRAME_BYTES <= track.length && frame < frames; frame++)
      if (levelDbov(track, frame * FRAME_BYTES, (frame + 1) * FRAME_BYTES) > AUDIBLE_DBOV)
        audible[frame] = 1;
  for (const [i, state] of states.entries()) {
    const bridged = state.with.some((other) => other !== "stream");
    if (state.sound === null && !bridged) continue;
    const from = Math.max(0, Math.floor((state.atMs - leg.events.startMs) / FRAME_MS));
    const endMs = states[i + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    const until = Math.min(frames, Math.ceil((endMs - leg.events.startMs) / FRAME_MS));
    audible.fill(1, from, Math.max(from, until));
  }
  return audible;
}
