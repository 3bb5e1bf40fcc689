/** Somebody at the other end of a leg. */
import type { Voice } from "./voice.js";

export interface Party {
  /** Default answer. */
  readonly outcome?: "answer" | "busy" | "no-answer" | "failed";
  /** From ringing to the outcome; a no-answer waits for the dialler's own time-out instead. Default 50. */
  readonly afterMs?: number;
  /** Keys for a `<Gather>`, by what it said; null: none. */
  readonly keys?: (prompt: string) => string | null;
  /** How long the person listens before pressing them. Default 0. */
  readonly keysAfterMs?: number;
  /** Hangs up this long after the two were connected. Absent: stays until the other side goes. */
  readonly talkMs?: number;
  /** Hangs up this long after the answer, whatever is going on. */
  readonly hangUpAfterMs?: number;
  /** What answering-machine detection finds. Default human. */
  readonly answeredBy?: "human" | "machine_start" | "machine_end_beep" | "fax" | "unknown";
  /** Default: a quiet line. */
  readonly voice?: Voice;
}

/** Who is called: E.164, a SIP URI or `client:name`. */
export type Callees = (to: string, from: string) => Party;

/** An agent who takes the first caller of a queue, or nobody. */
export type QueueAgents = (
  queue: string,
) => { readonly afterMs: number; readonly talkMs?: number } | null;
