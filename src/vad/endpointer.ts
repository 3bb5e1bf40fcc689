import { FRAME_MS } from "../codec/frame.js";

export type Endpoint = "speech_started" | "speech_stopped";

export interface EndpointerOptions {
  /** Frames of speech that begin it, 1 or more. A click or a knock is shorter. */
  readonly onsetFrames: number;
  /** Frames of silence that end speech, 1 or more. Stops inside words are shorter. */
  readonly hangoverFrames: number;
}

/**
 * With two frames a single wrong decision begins nothing. Ten frames bridge the closures of
 * plosives (40 to 150 ms) and the gaps between most words, and are well under the silence that ends
 * a turn (300 ms and more).
 */
export const ENDPOINTER_DEFAULTS: EndpointerOptions = { onsetFrames: 2, hangoverFrames: 10 };

/**
 * Finds where speech begins and ends, from one decision per frame. Borders are positions in the
 * call's audio, in ms; there is no clock.
 *
 * An onset needs `onsetFrames` more speech than silence frames since its first speech frame, so one
 * doubtful frame inside a word delays it without starting it over. It is dated back to that first
 * frame. An end needs `hangoverFrames` of silence in a row and is dated back to the first of these.
 * Allocates nothing.
 */
export class Endpointer {
  readonly #onsetFrames: number;
  readonly #hangoverFrames: number;
  #speaking = false;
  /**
   * While silent: speech frames less silence frames of the onset. While speaking: silence in a row.
   */
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
        throw new RangeError(
          `onsetFrames and hangoverFrames must be whole numbers of at least 1, not ${frames}`,
        );
    }
    this.#onsetFrames = onsetFrames;
    this.#hangoverFrames = hangoverFrames;
  }

  /**
   * @param speech   whether the next 20 ms frame is speech
   * @param audioMs  where in the call's audio this frame begins
   * @returns        the border that this frame confirms; null when nothing changed.
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
    // While it lasts, speech ends with its latest speech frame.
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

  /**
   * Where the latest speech ended, in ms of the call's audio; the end of its last speech frame so
   * far.
   */
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
