/** What a phone sends: 160 bytes every 20 ms for as long as the call lasts. */
import { IDENTITY_FRAME_BYTES, writeIdentityFrame } from "../audio/identity.js";
import { ULAW_SILENCE } from "../audio/mulaw.js";

export const FRAME_BYTES = 160;
export const FRAME_MS = 20;

export interface Voice {
  /** Writes the next 160 bytes into `out` at `at`. Called once a frame, in order. */
  next(out: Uint8Array, at: number): void;
}

/** Speaks clips on demand. In between it is a quiet line, with noise as every real line has it. */
export class ClipVoice implements Voice {
  #queue: { readonly audio: Uint8Array; at: number; readonly done: () => void }[] = [];
  #noise = 0x2545f491;
  readonly #digitalSilence: boolean;

  /** @param digitalSilence  digital silence (0xFF) between clips instead of a line's noise. */
  constructor(digitalSilence = false) {
    this.#digitalSilence = digitalSilence;
  }

  get speaking(): boolean {
    return this.#queue.length > 0;
  }

  /** Speaks after what is being said. Resolves when the last frame has left. */
  say(audio: Uint8Array): Promise<void> {
    return new Promise((done) => {
      this.#queue.push({ audio, at: 0, done });
    });
  }

  /** Stops at once, in mid-word. */
  stopSpeaking(): void {
    for (const clip of this.#queue.splice(0)) clip.done();
  }

  next(out: Uint8Array, at: number): void {
    this.#line(out, at);
    const clip = this.#queue[0];
    if (clip === undefined) return;
    const part = clip.audio.subarray(clip.at, clip.at + FRAME_BYTES);
    out.set(part, at);
    clip.at += FRAME_BYTES;
    if (clip.at < clip.audio.length) return;
    this.#queue.shift();
    clip.done();
  }

  #line(out: Uint8Array, at: number): void {
    if (this.#digitalSilence) {
      out.fill(ULAW_SILENCE, at, at + FRAME_BYTES);
      return;
    }
    let noise = this.#noise;
    for (let i = 0; i < FRAME_BYTES; i++) {
      noise = (Math.imul(noise, 0x41c64e6d) + 0x3039) | 0;
      // The four smallest steps of either sign: about -70 dBov.
      out[at + i] = 0x7c | ((noise >>> 16) & 0x83);
    }
    this.#noise = noise;
  }
}

/** Identity frames (`audio/identity.ts`); `loud` says which of them sound like speech. */
export class IdentityVoice implements Voice {
  /** Frames made so far. */
  frames = 0;
  readonly streamId: number;
  readonly #loud: (seq: number) => boolean;

  constructor(streamId: number, loud: (seq: number) => boolean = () => false) {
    this.streamId = streamId;
    this.#loud = loud;
  }

  next(out: Uint8Array, at: number): void {
    const seq = this.frames++;
    writeIdentityFrame(out, at, this.streamId, seq, this.#loud(seq));
  }
}

/** Loud for `talkMs` of every `periodMs`, from `startMs` on: a caller who asks and listens. */
export function talking(talkMs: number, periodMs: number, startMs = 0): (seq: number) => boolean {
  return (seq) => {
    const ms = seq * (IDENTITY_FRAME_BYTES / 8) - startMs;
    return ms >= 0 && ms % periodMs < talkMs;
  };
}
