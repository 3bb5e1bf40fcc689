import { FRAME_MS } from "../codec/frame.js";

export type Endpoint = "speech_started" | "speech_stopped";

export interface EndpointerOptions {
  /** Frames of speech before it counts as such: a click or a knock is shorter. 1 or more. */
  readonly onsetFrames: number;
  /** Frames of silence before speech counts as over: stops inside words are shorter. 1 or more. */
  readonly hangoverFrames: number;
}

/**
 * Two frames are the earliest that is not one frame's accident. Ten frames bridge the closures of plosives (40 to 150 ms)
 * and the gaps between most words, and are still well under the silence that ends a turn (300 ms and more).
 */
export const ENDPOINTER_DEFAULTS: EndpointerOptions = { onsetFrames: 2, hangoverFrames: 10 };

/**
 * Where speech begins and ends, from one verdict a frame. Borders are times in the call's audio, in ms; no clock.
 *
 * An onset needs `onsetFrames` more speech than silence frames since the first of them, so that one doubtful frame inside
 * a word delays it but does not start it over; it is dated back to that first frame. An end needs `hangoverFrames` of
 * silence in a row, and is dated back to the first of these. Allocates nothing.
 */
export class Endpointer {
  readonly #onsetFrames: number;
  readonly #hangoverFrames: number;
  #speaking = false;
  /** Silent: speech frames less silence frames of the attempt. Speaking: silence frames in a row. */
  #run = 0;
  /** Where the run began. */
  #borderMs = 0;
  #startedMs = 0;
  #stoppedMs = 0;

  /** @throws RangeError for options that are not whole numbers of at least 1. */
  constructor(options: Partial<EndpointerOptions> = {}) {
    const { onsetFrames, hangoverFrames } = { ...ENDPOINTER_DEFAULTS, ...options };
    for (const frames of [onsetFrames, hangoverFrames]) {
      if (!Number.isInteger(frames) || frames < 1)
        throw new RangeError(`${frames} frames: needs 1 or more`);
    }
    this.#onsetFrames = onsetFrames;
    this.#hangoverFrames = hangoverFrames;
  }

  /**
   * @param speech   the verdict on the next 20 ms frame
   * @param audioMs  where in the call's audio this frame begins
   * @returns        the border that this frame makes certain; null when nothing changed.
   */
  frame(speech: boolean, audioMs: number): Endpoint | null {
    return this.#speaking
      ? this.#whileSpeaking(speech, audioMs)
      : this.#whileSilent(speech, audioMs);
  }

  #whileSilent(speech: boolean, audioMs: number): Endpoint | null {
    if (!speech) {
      if (this.#run > 0) this.#run--;
      return null;
    }
    if (this.#run === 0) this.#borderMs = audioMs;
    this.#run++;
    if (this.#run < this.#onsetFrames) return null;
    this.#speaking = true;
    this.#run = 0;
    this.#startedMs = this.#borderMs;
    // Until it ends, speech reaches to the end of the frame that began it.
    this.#stoppedMs = audioMs + FRAME_MS;
    return "speech_started";
  }

  #whileSpeaking(speech: boolean, audioMs: number): Endpoint | null {
    if (speech) {
      this.#run = 0;
      this.#stoppedMs = audioMs + FRAME_MS;
      return null;
    }
    this.#run++;
    if (this.#run < this.#hangoverFrames) return null;
    this.#speaking = false;
    this.#run = 0;
    return "speech_stopped";
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  /** Where the latest speech began, in ms of the call's audio; 0 before any. */
  get startedMs(): number {
    return this.#startedMs;
  }

  /** Where the latest speech ended, in ms of the call's audio: while it lasts, the end of its last speech frame. */
  get stoppedMs(): number {
    return this.#stoppedMs;
  }

  reset(): void {
    this.#speaking = false;
    this.#run = 0;
    this.#borderMs = 0;
    this.#startedMs = 0;
    this.#stoppedMs = 0;
  }
}
