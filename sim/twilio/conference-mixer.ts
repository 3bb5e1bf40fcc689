/**
 * The sound of a conference, every 20 ms: each participant hears the loudest of the others. SIP
 * participants and streams that fork a participant's audio get it.
 */
import { levelDbov, ULAW_SILENCE } from "../audio/mulaw.js";
import type { Paced, Pacer } from "../clock.js";
import { type Conference, hears, type Participant } from "./conference-types.js";
import { FRAME_BYTES, FRAME_MS } from "./voice.js";

/** After a process stall, at most this many frames are caught up with at once. */
const MOST_AT_ONCE = 25;

interface Said {
  readonly participant: Participant;
  readonly frame: Uint8Array;
  /** Level. */
  readonly db: number;
}

const SILENCE = new Uint8Array(FRAME_BYTES).fill(ULAW_SILENCE);

export class ConferenceMixer implements Paced {
  readonly #conference: Conference;
  readonly #leave: () => void;
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
    const said = [...this.#conference.participants.values()].map(say);
    for (const { participant, frame } of said) {
      const { leg, settings } = participant;
      const forks = leg.forks.filter(({ isOpen }) => isOpen);
      const { party } = leg;
      if (leg.sipCallee === null && party.hears === undefined && forks.length === 0) continue;
      const heard = loudestOf(said, participant);
      for (const fork of forks) fork.carry(frame, heard);
      party.hears?.(heard);
      if (!settings.hold) leg.sipCallee?.audio(heard);
    }
  }
}

function say(participant: Participant): Said {
  const { leg } = participant;
  const frame = new Uint8Array(FRAME_BYTES);
  if (leg.sipCallee === null) leg.voice.next(frame, 0);
  else leg.sipCallee.speech(frame);
  return { participant, frame, db: levelDbov(frame) };
}

function loudestOf(said: readonly Said[], listener: Participant): Uint8Array {
  let loudest: Uint8Array = SILENCE;
  let loudestDb = Number.NEGATIVE_INFINITY;
  for (const { participant, frame, db } of said) {
    if (db <= loudestDb || !hears(listener, participant)) continue;
    loudestDb = db;
    loudest = frame;
  }
  return loudest;
}
