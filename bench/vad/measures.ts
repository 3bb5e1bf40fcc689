/** Quality of a detector's decisions against the truth. Pure arithmetic over frames of 20 ms. */
import { FRAME_MS } from "../../src/codec/frame.js";
import { Endpointer } from "../../src/vad/endpointer.js";
import { isSpeech } from "../../src/vad/frame-vad.js";
import type { Line } from "./lines.js";

/** One detector's decisions on one line. */
export interface Heard {
  readonly line: Line;
  /** 1 where it says speech, one per frame. */
  readonly verdicts: Uint8Array;
  /** How sure it is, one per frame; null where it does not say. */
  readonly scores: Float32Array | null;
}

export interface Frames {
  readonly hits: number;
  readonly misses: number;
  readonly falseAlarms: number;
  readonly quiet: number;
}

export function countFrames(heard: readonly Heard[]): Frames {
  let hits = 0;
  let misses = 0;
  let falseAlarms = 0;
  let quiet = 0;
  for (const { line, verdicts } of heard) {
    for (let f = 0; f < verdicts.length; f++) {
      if (line.truth[f] === 1) verdicts[f] === 1 ? hits++ : misses++;
      else verdicts[f] === 1 ? falseAlarms++ : quiet++;
    }
  }
  return { hits, misses, falseAlarms, quiet };
}

/** Share of the speech frames that were found. */
export function recallOf({ hits, misses }: Frames): number {
  return hits / Math.max(1, hits + misses);
}

/** Share of the other frames that were taken for speech. */
export function falseAlarmShare({ falseAlarms, quiet }: Frames): number {
  return falseAlarms / Math.max(1, falseAlarms + quiet);
}

/** Harmonic mean of precision and recall. */
export function f1Of({ hits, misses, falseAlarms }: Frames): number {
  return (2 * hits) / Math.max(1, 2 * hits + misses + falseAlarms);
}

/** The same lines, with decisions made from the scores at other thresholds. */
export function cutAt(heard: readonly Heard[], begin: number, goOn: number): Heard[] {
  return heard.map(({ line, scores }) => {
    if (scores === null) throw new Error("a detector without scores has no other border");
    const verdicts = new Uint8Array(scores.length);
    let speech = false;
    for (let f = 0; f < scores.length; f++) {
      speech = isSpeech(scores[f]!, speech, begin, goOn);
      if (speech) verdicts[f] = 1;
    }
    return { line, scores, verdicts };
  });
}

const SEARCH_STEPS = 24;
const SEARCH_SCORES: readonly [number, number] = [-16, 16];

/**
 * The highest border, with speech going on `gap` below it, at which at least `recall` of the speech
 * frames are found.
 */
export function borderForRecall(heard: readonly Heard[], recall: number, gap: number): number {
  let [low, high] = SEARCH_SCORES;
  for (let step = 0; step < SEARCH_STEPS; step++) {
    const middle = (low + high) / 2;
    if (recallOf(countFrames(cutAt(heard, middle, middle - gap))) >= recall) low = middle;
    else high = middle;
  }
  return low;
}

export interface Onsets {
  /**
   * From the true onset to the end of the frame with which it was certain; Infinity where speech
   * ended before. Sorted.
   */
  readonly delaysMs: readonly number[];
  readonly missed: number;
  /** Not among the delays: the detector was taking noise for speech when the speech began. */
  readonly alreadyOn: number;
}

/**
 * So much silence makes what follows an onset rather than the next word: longer than any hangover
 * here.
 */
const SILENCE_BEFORE_FRAMES = 18;
/** Truth may call a breath silence that a detector may call the beginning. */
const EARLY_FRAMES = 5;

export function measureOnsets(heard: readonly Heard[]): Onsets {
  const delaysMs: number[] = [];
  let alreadyOn = 0;
  for (const { line, verdicts } of heard) {
    const borders = borderFrames(verdicts);
    for (const { start, end } of stretches(line.truth)) {
      if (start.silenceBefore < SILENCE_BEFORE_FRAMES) continue;
      const from = start.frame - EARLY_FRAMES;
      if (borders.some(({ on, off }) => on < from && off >= start.frame)) {
        alreadyOn++;
        continue;
      }
      const found = borders.find(({ on }) => on >= from && on < end);
      delaysMs.push(
        found === undefined ? Infinity : Math.max(0, found.on + 1 - start.frame) * FRAME_MS,
      );
    }
  }
  delaysMs.sort((a, b) => a - b);
  return { delaysMs, missed: delaysMs.filter((ms) => ms === Infinity).length, alreadyOn };
}

/** Nearest rank. */
export function percentile(sorted: readonly number[], p: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[
    Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))
  ]!;
}

export interface FalseOnsets {
  readonly onsets: number;
  readonly perHour: number;
  /** Share of the time for which the line counted as speaking. */
  readonly heldShare: number;
}

/** On lines without speech. */
export function countFalseOnsets(heard: readonly Heard[]): FalseOnsets {
  let onsets = 0;
  let held = 0;
  let frames = 0;
  for (const { verdicts } of heard) {
    frames += verdicts.length;
    for (const { on, off } of borderFrames(verdicts)) {
      onsets++;
      held += off - on;
    }
  }
  const hours = (frames * FRAME_MS) / 3_600_000;
  return { onsets, perHour: onsets / hours, heldShare: held / Math.max(1, frames) };
}

/** Frames at which the endpointer says started and stopped. */
function borderFrames(verdicts: Uint8Array): { on: number; off: number }[] {
  const endpointer = new Endpointer();
  const borders: { on: number; off: number }[] = [];
  for (let f = 0; f < verdicts.length; f++) {
    const endpoint = endpointer.frame(verdicts[f] === 1, f * FRAME_MS);
    if (endpoint === "speech_started") borders.push({ on: f, off: verdicts.length });
    else if (endpoint === "speech_stopped") borders[borders.length - 1]!.off = f;
  }
  return borders;
}

function stretches(
  truth: Uint8Array,
): { start: { frame: number; silenceBefore: number }; end: number }[] {
  const found: { start: { frame: number; silenceBefore: number }; end: number }[] = [];
  let silence = 0;
  for (let f = 0; f < truth.length; f++) {
    if (truth[f] !== 1) {
      silence++;
      continue;
    }
    const frame = f;
    while (f + 1 < truth.length && truth[f + 1] === 1) f++;
    found.push({ start: { frame, silenceBefore: silence }, end: f + 1 });
    silence = 0;
  }
  return found;
}
