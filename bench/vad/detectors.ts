/** Ours and the others behind one interface, fed the same frames. */
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
  /** The verdict on 160 mu-law bytes from `start`. */
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
