import { FRAME_BYTES } from "../codec/frame.js";
import { levelDbov } from "../codec/level.js";

/** How far speech must stand above the noise floor, in dB. */
const ONSET_DB = 8;
/** Nothing quieter than this is speech on a telephone line. */
const QUIETEST_SPEECH_DBOV = -55;
const START_FLOOR_DBOV = -60;
/** How fast the floor follows a line that grows louder: 3 dB a second, so a sentence does not become the floor. */
const FLOOR_RISE_DB = 0.06;
const SILENT_FRAMES = 5;

/** Speech or not, frame by frame, over an adapting noise floor. Allocates nothing. */
export class FrameVad {
  #levelDbov = START_FLOOR_DBOV;
  #floorDbov = START_FLOOR_DBOV;
  #speechDbov = START_FLOOR_DBOV;
  #heardSpeech = false;
  #silentFrames = 0;

  /** One 20 ms frame: 160 mu-law bytes of `ulaw` from `start`. True: speech in this frame. */
  frame(ulaw: Uint8Array, start: number): boolean {
    const level = Math.max(levelDbov(ulaw, start, start + FRAME_BYTES), -75);
    this.#levelDbov = level;
    if (level < this.#floorDbov) this.#floorDbov += 0.3 * (level - this.#floorDbov);
    else this.#floorDbov += Math.min(FLOOR_RISE_DB, 0.05 * (level - this.#floorDbov));
    const onset = Math.max(this.#floorDbov + ONSET_DB, QUIETEST_SPEECH_DBOV);
    const speech = level > onset;
    if (speech) {
      this.#speechDbov = this.#heardSpeech ? this.#speechDbov + 0.1 * (level - this.#speechDbov) : level;
      this.#heardSpeech = true;
    }
    this.#silentFrames = level < onset - 4 ? this.#silentFrames + 1 : 0;
    return speech;
  }

  get noiseFloorDbov(): number {
    return this.#floorDbov;
  }

  get levelDbov(): number {
    return this.#levelDbov;
  }

  get speechLevelDbov(): number {
    return this.#heardSpeech ? this.#speechDbov : this.#floorDbov;
  }

  get certainlySilent(): boolean {
    return this.#silentFrames >= SILENT_FRAMES;
  }

  reset(): void {
    this.#levelDbov = START_FLOOR_DBOV;
    this.#floorDbov = START_FLOOR_DBOV;
    this.#speechDbov = START_FLOOR_DBOV;
    this.#heardSpeech = false;
    this.#silentFrames = 0;
  }
}
