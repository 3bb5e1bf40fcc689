import { msToBytes } from "../../codec/frame.js";
import type { Playout } from "../../playout/playout.js";
import type { Heard } from "../call/reply-ledger.js";

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

  /** About how long what is here takes to be heard. */
  remainingMs(nowMs: number): number {
    return this.#playout.waitingBytes / msToBytes(1) + this.#playout.leadMs(nowMs);
  }

  look(nowMs: number): Heard {
    if (!this.#playout.isSilent(nowMs)) this.#soundUntilMs = nowMs + this.remainingMs(nowMs);
    if (!this.#vad.certainlySilent) this.#silentSinceMs = null;
    else this.#silentSinceMs ??= nowMs;
    return { soundUntilMs: this.#soundUntilMs, silentSinceMs: this.#silentSinceMs };
  }
}
