/** The party at the other end of a leg. */
import type { Voice } from "./voice.js";

export interface Party {
  /** Default answer. */
  readonly outcome?: "answer" | "busy" | "no-answer" | "failed";
  /** From ringing to the outcome; a no-answer waits for the dialler's own time-out. Default 50. */
  readonly afterMs?: number;
  /** Keys for a `<Gather>`, by what it said; null: none. */
  readonly keys?: (prompt: string) => string | null;
  /** How long the party listens before pressing them. Default 0. */
  readonly keysAfterMs?: number;
  /** Hangs up this long after the two were connected. Default: stays until the other side goes. */
  readonly talkMs?: number;
  /** Hangs up this long after the answer, whatever happens meanwhile. */
  readonly hangUpAfterMs?: number;
  /** What answering-machine detection finds. Default human, or machine_start for a machine. */
  readonly answeredBy?: "human" | "machine_start" | "machine_end_beep" | "fax" | "unknown";
  /** From the answer to the result of answering-machine detection. Default 300. */
  readonly detectionMs?: number;
  /** An answering machine answers: it plays its greeting, beeps, and then records. */
  readonly machine?: AnsweringMachine;
  /** Default: a quiet line. */
  readonly voice?: Voice;
  /** What it hears in a conference, 20 ms at a time. */
  readonly hears?: (frame: Uint8Array) => void;
  /** What its streams play to it, as it comes; and that the rest of it is dropped. */
  readonly played?: (audio: Uint8Array) => void;
  readonly cleared?: () => void;
}

export interface AnsweringMachine {
  /** Default 4,000. */
  readonly greetingMs?: number;
  /** Default true: half a second of a tone after the greeting. */
  readonly beep?: boolean;
}

/** Who answers at an address: E.164, a SIP URI or `client:name`. */
export type Callees = (to: string, from: string) => Party;

/** An agent who takes the first caller of a queue, or none. */
export type QueueAgents = (
  queue: string,
) => { readonly afterMs: number; readonly talkMs?: number } | null;

/** Callers without an E.164 number, as `From` shows them. */
export const CALLERS = {
  /** A withheld number: a word in place of it. */
  withheld: "anonymous",
  /** A withheld number: "ANONYMOUS" in the digits of a keypad. */
  withheldDigits: "+266696687",
  restricted: "Restricted",
  sip: "sip:alice@pbx.example.com",
  client: "client:alice",
} as const;
