import { octavesToDbov } from "./power-log.js";
import { CUE_STATE, floorOf, levelOf, OWN_STATE, resetCues, scoreOf } from "./speech-cues.js";
import { scoreFrame } from "./speech-net.js";

/**
 * Log odds above which a frame begins speech, and continues it. Chosen on the development half of
 * the recordings for the best F1 and the fewest false onsets.
 */
export const BEGIN_SCORE = 0.5;
export const GO_ON_SCORE = -0.5;

/**
 * The line is silent for certain after this many frames with odds of speech under 1 : 20. This
 * costs the first 120 ms of each silence and almost no onset.
 */
const SURELY_SILENT_SCORE = -3;
const SURELY_SILENT_FRAMES = 6;
/** Share of each frame in the estimate of the caller's loudness: about a second of speech. */
const SPEECH_LEVEL_SHARE = 0.02;
/**
 * Kept behind the cues' own numbers: V8 would allocate an object for each new fraction in a field.
 */
const SPEECH_LEVEL = OWN_STATE;

/**
 * Whether a frame with this score is speech: speech continues at a score at which it would not
 * begin.
 */
export function isSpeech(score: number, before: boolean, begin: number, hold: number): boolean {
  return score > (before ? hold : begin);
}

/**
 * Decides whether 20 ms of mu-law audio are speech. Cues of loudness, spectrum and periodicity over
 * an adapting noise floor are weighed by a small network, which was trained on recorded speech in
 * noise (bench/vad/train.ts).
 *
 * It uses the given frame and those before it, so the decision has no delay. Onsets and pauses are
 * found by Endpointer. Allocates nothing after construction and holds about 500 bytes.
 */
export class FrameVad {
  readonly #state = new Float64Array(CUE_STATE);
  #speech = false;
  #silentFrames = 0;
  #heardSpeech = false;

  constructor() {
    this.reset();
  }

  /** One 20 ms frame: 160 mu-law bytes of `ulaw` from `start`. True: speech in this frame. */
  frame(ulaw: Uint8Array, start: number): boolean {
    const state = this.#state;
    const score = scoreFrame(ulaw, start, state);
    this.#silentFrames = score < SURELY_SILENT_SCORE ? this.#silentFrames + 1 : 0;
    this.#speech = isSpeech(score, this.#speech, BEGIN_SCORE, GO_ON_SCORE);
    if (this.#speech) this.#noteSpeechLevel();
    return this.#speech;
  }

  #noteSpeechLevel(): void {
    const level = levelOf(this.#state);
    const before = this.#state[SPEECH_LEVEL]!;
    this.#state[SPEECH_LEVEL] = this.#heardSpeech
      ? before + SPEECH_LEVEL_SHARE * (level - before)
      : level;
    this.#heardSpeech = true;
  }

  /** Log odds of speech in the last frame. */
  get score(): number {
    return scoreOf(this.#state);
  }

  /** Loudness of the line without speech, in dBov, −72 or more. */
  get noiseFloorDbov(): number {
    return octavesToDbov(floorOf(this.#state));
  }

  /** Loudness of the last frame, in dBov, −72 or more. */
  get levelDbov(): number {
    return octavesToDbov(levelOf(this.#state));
  }

  /** Loudness of the last second of speech, in dBov; before any speech the noise floor. */
  get speechLevelDbov(): number {
    return this.#heardSpeech ? octavesToDbov(this.#state[SPEECH_LEVEL]!) : this.noiseFloorDbov;
  }

  /** True: there has been no speech for a while. The first doubtful frame makes it false. */
  get certainlySilent(): boolean {
    return this.#silentFrames >= SURELY_SILENT_FRAMES;
  }

  /** Another line begins: forgets everything about the former one. */
  reset(): void {
    resetCues(this.#state);
    this.#speech = false;
    this.#silentFrames = 0;
    this.#heardSpeech = false;
  }
}
