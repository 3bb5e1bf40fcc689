import { octavesToDbov } from "./power-log.js";
import { CUE_STATE, floorOf, levelOf, lookAtFrame, resetCues, scoreOf } from "./speech-cues.js";
import { weighFrame } from "./speech-net.js";

/** Log odds that a frame needs to begin speech, and to go on with it. Found on the dev half: best F1, fewest false onsets. */
export const BEGIN_SCORE = 0.5;
export const GO_ON_SCORE = -0.5;

/** Odds of speech under 1 : 20, for so many frames. Costs 120 ms of every silence, and hardly ever an onset. */
const SURELY_SILENT_SCORE = -3;
const SURELY_SILENT_FRAMES = 6;
/** How fast the estimate of the caller's loudness follows: about a second of speech. */
const SPEECH_LEVEL_SHARE = 0.02;
/** Behind the cues' own numbers: a fraction in a field of its own would be a new object with every frame. */
const SPEECH_LEVEL = CUE_STATE;

/** The verdict on a frame of this score after a frame of that verdict: speech goes on at a score with which it would not begin. */
export function isSpeech(score: number, before: boolean, begin: number, goOn: number): boolean {
  return score > (before ? goOn : begin);
}

/**
 * Speech or not, 20 ms at a time, on mu-law as it comes from the wire. Cues of loudness, spectrum and periodicity over an
 * adapting floor, weighed by a small network whose weights were found on recorded speech in noise (bench/vad/train.ts).
 *
 * It looks at no frame but the one it is given and those before: the verdict is ready with the frame. Knows nothing of onsets and
 * pauses; see Endpointer. Allocates nothing after construction, and holds some 500 bytes.
 */
export class FrameVad {
  readonly #state = new Float64Array(SPEECH_LEVEL + 1);
  #speech = false;
  #silentFrames = 0;
  #heardSpeech = false;

  constructor() {
    this.reset();
  }

  /** One 20 ms frame: 160 mu-law bytes of `ulaw` from `start`. True: speech in this frame. */
  frame(ulaw: Uint8Array, start: number): boolean {
    const state = this.#state;
    lookAtFrame(ulaw, start, state);
    weighFrame(state);
    const score = scoreOf(state);
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

  /** Loudness of the line while nobody speaks: dBov, −72 or more. */
  get noiseFloorDbov(): number {
    return octavesToDbov(floorOf(this.#state));
  }

  /** Loudness of the last frame: dBov, −72 or more. */
  get levelDbov(): number {
    return octavesToDbov(levelOf(this.#state));
  }

  /** Loudness of the frames with speech, over the last second of them: dBov. Before any speech, the noise floor. */
  get speechLevelDbov(): number {
    return this.#heardSpeech ? octavesToDbov(this.#state[SPEECH_LEVEL]!) : this.noiseFloorDbov;
  }

  /** Nobody speaks, and has not for a while: any doubt makes it false, from the first frame of doubt on. */
  get certainlySilent(): boolean {
    return this.#silentFrames >= SURELY_SILENT_FRAMES;
  }

  /** Another line: nothing of the former is true of it. */
  reset(): void {
    resetCues(this.#state);
    this.#speech = false;
    this.#silentFrames = 0;
    this.#heardSpeech = false;
  }
}
