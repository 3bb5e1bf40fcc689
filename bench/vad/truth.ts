/**
 * Which frames are speech, by the energy of the clean recording before any noise, coding or
 * channel. No VAD takes part in it.
 *
 * A 20 ms frame is active from the moment its level comes within ON_DB of the prompt's own loudness
 * until it falls OFF_DB below that; stops shorter than GAP_FRAMES (closures inside words) belong to
 * the speech around them, and activity shorter than BLIP_FRAMES (a click of the recording) does not
 * count.
 */
import { FRAME_BYTES } from "../../src/codec/frame.js";

const ON_DB = 25;
const OFF_DB = 30;
const GAP_FRAMES = 4;
const BLIP_FRAMES = 2;

/**
 * Marks the frames of `truth` in which the clean samples from `start` to `end` hold speech. Frames
 * are cut from sample 0.
 */
export function markSpeech(
  clean: Float32Array,
  start: number,
  end: number,
  truth: Uint8Array,
): void {
  const first = Math.floor(start / FRAME_BYTES);
  const last = Math.min(truth.length, Math.ceil(end / FRAME_BYTES));
  const levels: number[] = [];
  for (let f = first; f < last; f++) levels.push(frameDb(clean, f * FRAME_BYTES));
  const loudness = loudnessDb(levels);
  const active: boolean[] = [];
  let on = false;
  for (const level of levels) {
    on = level > loudness - (on ? OFF_DB : ON_DB);
    active.push(on);
  }
  flipShortRuns(active, false, GAP_FRAMES);
  flipShortRuns(active, true, BLIP_FRAMES);
  active.forEach((speech, i) => {
    if (speech) truth[first + i] = 1;
  });
}

/** Mean level of the loudest tenth of the frames. */
function loudnessDb(levels: readonly number[]): number {
  const loudest = [...levels]
    .sort((a, b) => b - a)
    .slice(0, Math.max(1, Math.floor(levels.length / 10)));
  return loudest.reduce((sum, level) => sum + level, 0) / loudest.length;
}

export function frameDb(samples: Float32Array, start: number): number {
  let sum = 0;
  for (let i = start; i < start + FRAME_BYTES; i++) sum += (samples[i] ?? 0) ** 2;
  return 10 * Math.log10(sum / FRAME_BYTES + 1e-12);
}

/** Runs of `value` shorter than `frames` and between others become their surroundings. */
function flipShortRuns(active: boolean[], value: boolean, frames: number): void {
  for (let i = 0; i < active.length; ) {
    let end = i;
    while (end < active.length && active[end] === active[i]) end++;
    const inside = value || (i > 0 && end < active.length);
    if (active[i] === value && end - i < frames && inside) active.fill(!value, i, end);
    i = end;
  }
}
