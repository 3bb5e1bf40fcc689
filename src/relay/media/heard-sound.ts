import { msToBytes } from "../../codec/frame.js";
import type { Playout } from "../../playout/playout.js";
import type { Heard } from "../call/missed-end.js";

type PlayoutState = Pick<Playout, "isSilent" | "leadMs" | "waitingBytes">;

/** Until when the caller hears something, and since when they say nothing. */
export class HeardSound {
  readonly #playout: PlayoutState;
  readonly #vad: { readonly certainlySilent: boolean };
  #soundUntilMs = Number.NEGATIVE_INFINITY;
  #silentSinceMs: number | null = null;

  constructor(audio: {
    readonly playout: PlayoutState;
    readonly vad: { readonly certainlySilent: boolean };
  }) {
    this.#playout = audio.playout;
    this.#vad = audio.vad;
  }

  /** About how long the audio that waits, here and at the phone, takes to be heard, in ms. */
  remainingMs(nowMs: number): number {
    return this.#playout.waitingBytes / msToBytes(1) + this.#playout.leadMs(nowMs);
  }

  /** What the caller hears now. Silence counts from the first call that finds it. */
  at(nowMs: number): Heard {
    if (!this.#playout.isSilent(nowMs)) this.#soundUntilMs = nowMs + this.remainingMs(nowMs);
    if (!this.#vad.certainlySilent) this.#silentSinceMs = null;
    else this.#silentSinceMs ??= nowMs;
    return { soundUntilMs: this.#soundUntilMs, silentSinceMs: this.#silentSinceMs };
  }
}
