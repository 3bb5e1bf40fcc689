import { FRAME_BYTES, FRAME_MS } from "../codec/frame.js";
import { energyOf, isQuieter } from "../codec/level.js";
import { EchoGate } from "./echo-gate.js";
import { type Endpoint, Endpointer } from "./endpointer.js";
import { FrameVad } from "./frame-vad.js";

/** Below this a frame holds no speech: telephone speech is louder, a silent line is quieter. */
const QUIET_ENERGY = energyOf(-58, FRAME_BYTES);
/** On a quiet line the detector runs on every second frame only, and … */
const DETECT_EVERY_FRAMES = 2;
/** … the echo gate, which learns over seconds, on every fourth. */
const GATE_EVERY_FRAMES = 4;

/**
 * The relay's own voice detection for one caller: whether they speak, without the echo of playout,
 * and where their speech begins and ends. It gets every caller frame and allocates nothing.
 */
export class CallerVad {
  // What a frame of a quiet line needs comes first, in one line of the processor's cache.
  /** The caller is silent for certain, as far as whole frames tell. */
  #silent = false;
  #incomplete = false;
  #quietFrames = 0;
  /** Frames since the echo gate's last one. */
  #leftOutFrames = 0;
  #audioMs = 0;
  readonly #vad = new FrameVad();
  readonly #gate: EchoGate;
  readonly #endpointer = new Endpointer();

  /** @param maxAheadMs  of `played`: from a call until the phone plays it; default: 5 s. */
  constructor(maxAheadMs?: number) {
    this.#gate = new EchoGate(maxAheadMs);
  }

  /**
   * The next audio of the caller. An incomplete frame at its end is not analysed, so silence is not
   * certain after it.
   *
   * @returns the last border between speech and silence in it; null when there is none.
   */
  hear(ulaw: Uint8Array, start: number, end: number, nowMs: number): Endpoint | null {
    let crossed: Endpoint | null = null;
    let at = start;
    for (; at + FRAME_BYTES <= end; at += FRAME_BYTES) {
      crossed = this.#frame(ulaw, at, nowMs) ?? crossed;
      this.#audioMs += FRAME_MS;
    }
    this.#incomplete = at < end;
    return crossed;
  }

  /** On a quiet line detector and gate skip most frames. */
  #frame(ulaw: Uint8Array, at: number, nowMs: number): Endpoint | null {
    const quiet = this.#silent && isQuieter(ulaw, at, at + FRAME_BYTES, QUIET_ENERGY);
    this.#quietFrames = quiet ? this.#quietFrames + 1 : 0;
    if (this.#quietFrames % DETECT_EVERY_FRAMES !== 0) {
      // Silence before it has already undone every onset, so the endpointer need not know.
      this.#leftOutFrames++;
      return null;
    }
    const heard = this.#vad.frame(ulaw, at);
    let near = false;
    if (this.#quietFrames % GATE_EVERY_FRAMES === 0) {
      near = this.#gate.frame(ulaw, at, heard, nowMs, this.#leftOutFrames);
      this.#leftOutFrames = 0;
    } else this.#leftOutFrames++;
    const crossed = this.#endpointer.frame(near, this.#audioMs);
    this.#silent = this.#vad.certainlySilent && !this.#endpointer.speaking;
    return crossed;
  }

  /**
   * The echo of `ulaw[start, end)`, which leaves for the phone now, may come from `playsAtMs` on.
   */
  played(ulaw: Uint8Array, start: number, end: number, playsAtMs: number): void {
    this.#gate.played(ulaw, start, end, playsAtMs);
  }

  /** The phone plays nothing of what was sent after `nowMs`. */
  cleared(nowMs: number): void {
    this.#gate.cleared(nowMs);
  }

  /** True: the caller is certainly silent. Echo makes it false. */
  get certainlySilent(): boolean {
    return this.#silent && !this.#incomplete;
  }

  /** Length of the speech that ended last, in ms. */
  get lastSpeechMs(): number {
    return this.#endpointer.stoppedMs - this.#endpointer.startedMs;
  }

  /** Length of the caller's audio so far, in ms: the clock of the call's audio. */
  get audioMs(): number {
    return this.#audioMs;
  }

  get startedMs(): number {
    return this.#endpointer.startedMs;
  }

  get stoppedMs(): number {
    return this.#endpointer.stoppedMs;
  }

  get noiseFloorDbov(): number {
    return this.#vad.noiseFloorDbov;
  }

  get speechLevelDbov(): number {
    return this.#vad.speechLevelDbov;
  }

  /** Another line begins: forgets everything about the former one. */
  reset(): void {
    this.#vad.reset();
    this.#gate.reset();
    this.#endpointer.reset();
    this.#silent = false;
    this.#incomplete = false;
    this.#quietFrames = 0;
    this.#leftOutFrames = 0;
    this.#audioMs = 0;
  }
}
