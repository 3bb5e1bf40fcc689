/**
 * The sound of a conference for its SIP participants: each hears the loudest of the others, every
 * 20 ms.
 */
import { levelDbov, ULAW_SILENCE } from "../audio/mulaw.js";
import type { Paced, Pacer } from "../clock.js";
import type { Conference } from "./conference-types.js";
import { FRAME_BYTES, FRAME_MS } from "./voice.js";

/** After a process stall, at most this many frames are caught up with at once. */
const MOST_AT_ONCE = 25;

export class ConferenceMixer implements Paced {
  readonly #conference: Conference;
  readonly #leave: () => void;
  readonly #frame = new Uint8Array(FRAME_BYTES);
  readonly #loudest = new Uint8Array(FRAME_BYTES);
  #nextMs: number;

  constructor(conference: Conference, pacer: Pacer, nowMs: number) {
    this.#conference = conference;
    this.#nextMs = nowMs;
    this.#leave = pacer.join(this);
  }

  tick(nowMs: number): void {
    if (nowMs - this.#nextMs > MOST_AT_ONCE * FRAME_MS)
      this.#nextMs = nowMs - MOST_AT_ONCE * FRAME_MS;
    for (; this.#nextMs <= nowMs; this.#nextMs += FRAME_MS) this.#carry();
  }

  stop(): void {
    this.#leave();
  }

  #carry(): void {
    let loudestDb = Number.NEGATIVE_INFINITY;
    this.#loudest.fill(ULAW_SILENCE);
    for (const { leg, settings } of this.#conference.participants.values()) {
      // Events tell when the model speaks; its sound is not mixed.
      if (leg.sipCallee !== null) continue;
      leg.voice.next(this.#frame, 0);
      if (settings.hold || settings.muted) continue;
      const db = levelDbov(this.#frame);
      if (db <= loudestDb) continue;
      loudestDb = db;
      this.#loudest.set(this.#frame);
    }
    for (const { leg, settings } of this.#conference.participants.values())
      if (!settings.hold) leg.sipCallee?.audio(this.#loudest);
  }
}
