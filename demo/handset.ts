/**
 * The two ends of a softphone's call: what its microphone sends, and what its loudspeaker plays.
 * Time is an argument.
 */
import { decodeUlaw, encodeUlaw, ULAW_SILENCE } from "../sim/audio/mulaw.js";
import { FRAME_BYTES, FRAME_MS, type Voice } from "../sim/twilio/voice.js";

/** A page that was frozen sends all its frames at once; more than this would only add delay. */
const MOST_FRAMES = 15;
/** This many frames are collected before the first is spoken: a browser's timing varies. */
const START_FRAMES = 3;

/** A caller who speaks by a microphone, frame by frame; a quiet line while no frame comes. */
export class MicrophoneVoice implements Voice {
  #frames: Uint8Array[] = [];
  #speaking = false;

  /** @param pcm  20 ms, 16-bit at 8 kHz. */
  push(pcm: Int16Array): void {
    this.#frames.push(encodeUlaw(pcm));
    if (this.#frames.length > MOST_FRAMES)
      this.#frames.splice(0, this.#frames.length - START_FRAMES);
  }

  next(out: Uint8Array, at: number): void {
    if (!this.#speaking && this.#frames.length >= START_FRAMES) this.#speaking = true;
    const frame = this.#speaking ? this.#frames.shift() : undefined;
    if (frame === undefined) {
      this.#speaking = false;
      out.fill(ULAW_SILENCE, at, at + FRAME_BYTES);
    } else out.set(frame, at);
  }
}

/** A stall of this length is not caught up with: the phone has played silence. */
const LATE_MS = 200;

/** What a phone plays: in order, in real time, until `clear`. */
export class Earpiece {
  #bytes: Uint8Array[] = [];
  #nextMs: number | null = null;

  /** @param audio  mu-law; copied. */
  media(audio: Uint8Array): void {
    this.#bytes.push(Uint8Array.from(audio));
  }

  clear(): void {
    this.#bytes = [];
  }

  /** @returns the frames of 20 ms, 16-bit at 8 kHz, that are due; none while nothing is played. */
  due(nowMs: number): Int16Array[] {
    if (this.#nextMs === null || nowMs - this.#nextMs > LATE_MS) this.#nextMs = nowMs;
    const frames: Int16Array[] = [];
    for (; this.#nextMs <= nowMs; this.#nextMs += FRAME_MS) {
      const frame = this.#take();
      if (frame !== null) frames.push(frame);
    }
    return frames;
  }

  #take(): Int16Array | null {
    if (this.#bytes.length === 0) return null;
    const frame = new Uint8Array(FRAME_BYTES).fill(ULAW_SILENCE);
    for (let filled = 0; filled < FRAME_BYTES; ) {
      const first = this.#bytes[0];
      if (first === undefined) break;
      const part = first.subarray(0, FRAME_BYTES - filled);
      frame.set(part, filled);
      filled += part.length;
      if (part.length === first.length) this.#bytes.shift();
      else this.#bytes[0] = first.subarray(part.length);
    }
    return decodeUlaw(frame);
  }
}
