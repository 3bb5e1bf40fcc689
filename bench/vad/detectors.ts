/** Our detector and the others behind one interface. All get the same frames. */
import { FRAME_BYTES } from "../../src/codec/frame.js";
import { ulawToLinear } from "../../src/codec/ulaw.js";
import { FrameVad } from "../../src/vad/frame-vad.js";
import { FVAD_MODES, Fvad, type FvadMode } from "./fvad.js";
import type { Line } from "./lines.js";
import type { Heard } from "./measures.js";

export interface Detector {
  readonly name: string;
  /** A new line. */
  reset(): void;
  /** Whether 160 mu-law bytes from `start` are speech. */
  frame(ulaw: Uint8Array, start: number): boolean;
  /** How sure it was of the last frame; null where it does not say. */
  score(): number | null;
}

export const OURS = "murelay";

export function ours(): Detector {
  const vad = new FrameVad();
  return {
    name: OURS,
    reset: () => vad.reset(),
    frame: (ulaw, start) => vad.frame(ulaw, start),
    score: () => vad.score,
  };
}

export async function fvadDetectors(): Promise<Detector[]> {
  return Promise.all(FVAD_MODES.map(fvad));
}

async function fvad(mode: FvadMode): Promise<Detector> {
  const vad = await Fvad.create(mode);
  return {
    name: `fvad ${mode}`,
    reset: () => vad.reset(),
    frame: (ulaw, start) => {
      const { input } = vad;
      for (let i = 0; i < FRAME_BYTES; i++) input[i] = ulawToLinear[ulaw[start + i]!]!;
      return vad.process();
    },
    score: () => null,
  };
}

export function listen(detector: Detector, lines: readonly Line[]): Heard[] {
  return lines.map((line) => {
    detector.reset();
    const frames = line.truth.length;
    const verdicts = new Uint8Array(frames);
    let scores: Float32Array | null = null;
    for (let f = 0; f < frames; f++) {
      if (detector.frame(line.ulaw, f * FRAME_BYTES)) verdicts[f] = 1;
      const score = detector.score();
      if (score === null) continue;
      scores ??= new Float32Array(frames);
      scores[f] = score;
    }
    return { line, verdicts, scores };
  });
}

/** What may be built on the VAD's `certainlySilent`. */
export interface SureSilence {
  /** Share of the silence that it covers. */
  readonly share: number;
  /** Share of the speech frames that it covers wrongly: speech that is joined and so delayed. */
  readonly speechShare: number;
  /**
   * Of the speech that begins during sure silence, the share whose third frame (60 ms) is still
   * taken for it.
   */
  readonly lateShare: number;
}

export function measureSureSilence(lines: readonly Line[]): SureSilence {
  const vad = new FrameVad();
  const frames = [0, 0];
  const covered = [0, 0];
  let begun = 0;
  let late = 0;
  for (const { ulaw, truth } of lines) {
    vad.reset();
    let spoken = 0;
    let from = false;
    for (let f = 0; f < truth.length; f++) {
      const before = vad.certainlySilent;
      vad.frame(ulaw, f * FRAME_BYTES);
      const speech = truth[f]!;
      frames[speech]!++;
      if (vad.certainlySilent) covered[speech]!++;
      spoken = speech === 1 ? spoken + 1 : 0;
      if (spoken === 1) from = before;
      if (spoken !== 3 || !from) continue;
      begun++;
      if (vad.certainlySilent) late++;
    }
  }
  return {
    share: covered[0]! / Math.max(1, frames[0]!),
    speechShare: covered[1]! / Math.max(1, frames[1]!),
    lateShare: late / Math.max(1, begun),
  };
}
