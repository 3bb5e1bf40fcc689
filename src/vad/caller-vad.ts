import { FRAME_BYTES, FRAME_MS } from "../codec/frame.js";
import { energyOf, isQuieter } from "../codec/level.js";
import { EchoGate } from "./echo-gate.js";
import { type Endpoint, Endpointer } from "./endpointer.js";
import { FrameVad } from "./frame-vad.js";

/** Nobody speaks so softly into a telephone; a line at rest is quieter. */
const QUIET_ENERGY = energyOf(-58, FRAME_BYTES);
/** On a line that is at rest, a quiet frame is looked at closely only now and then: by the detector, whose memory is short … */
const LISTEN_EVERY_FRAMES = 2;
/** … and by the gate, which learns over seconds. */
const GATE_EVERY_FRAMES = 4;

/**
 * What we hear of one caller ourselves: speech or not, told apart from our own playout coming back, and where it
 * begins and ends. Fed with every caller frame; allocates nothing.
 */
export class CallerVad {
  readonly #vad = new FrameVad();
  readonly #gate = new EchoGate();
  readonly #endpointer = new Endpointer();
  #audioMs = 0;
  #doubtful = false;
  #restedFrames = 0;

  /**
   * The next audio of the caller, in whole frames: an incomplete one at its end is not listened to, and leaves a doubt.
   *
   * @returns the last border between speech and silence that it crosses; null when it crosses none.
   */
  hear(ulaw: Uint8Array, start: number, end: number, nowMs: number): Endpoint | null {
    let crossed: Endpoint | null = null;
    let at = start;
    for (; at + FRAME_BYTES <= end; at += FRAME_BYTES) {
      const near = this.#isNear(ulaw, at, nowMs);
      crossed = this.#endpointer.frame(near, this.#audioMs) ?? crossed;
      this.#audioMs += FRAME_MS;
    }
    this.#doubtful = at < end;
    return crossed;
  }

  /** Whether this frame is the caller's speech. At rest, detector and gate are spared most of what there is nothing to hear in. */
  #isNear(ulaw: Uint8Array, at: number, nowMs: number): boolean {
    const rests =
      isQuieter(ulaw, at, at + FRAME_BYTES, QUIET_ENERGY) &&
      this.#vad.certainlySilent &&
      !this.#endpointer.speaking;
    this.#restedFrames = rests ? this.#restedFrames + 1 : 0;
    const heard = this.#restedFrames % LISTEN_EVERY_FRAMES === 0 && this.#vad.frame(ulaw, at);
    if (this.#restedFrames % GATE_EVERY_FRAMES === 0)
      return this.#gate.frame(ulaw, at, heard, nowMs);
    this.#gate.rest(nowMs);
    return false;
  }

  /** The phone will play `ulaw[start, end)` from `playsAtMs` on. */
  played(ulaw: Uint8Array, start: number, end: number, playsAtMs: number): void {
    this.#gate.played(ulaw, start, end, playsAtMs);
  }

  /** What the phone had still to play it never will. */
  cleared(nowMs: number): void {
    this.#gate.cleared(nowMs);
  }

  /** Nobody speaks, without a doubt. Echo is a doubt. */
  get certainlySilent(): boolean {
    return !this.#doubtful && this.#vad.certainlySilent && !this.#endpointer.speaking;
  }

  /** Length of the speech that ended last, in ms. */
  get lastSpeechMs(): number {
    return this.#endpointer.stoppedMs - this.#endpointer.startedMs;
  }

  /** The call's audio clock, in ms: what has been heard so far. */
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

  /** Another line: nothing of the former is true of it. */
  reset(): void {
    this.#vad.reset();
    this.#gate.reset();
    this.#endpointer.reset();
    this.#audioMs = 0;
    this.#doubtful = false;
  }
}
