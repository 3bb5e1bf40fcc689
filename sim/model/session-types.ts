/** What a session of the simulated model is given, and what it leaves to be read. */
import type { SimClock } from "../clock.js";
import type { JsonObject } from "./check.js";
import type { ResponsePace } from "./response.js";
import type { ModelSession } from "./session.js";

export interface SessionOptions {
  readonly clock: SimClock;
  readonly pace: ResponsePace;
  readonly keepAudio: boolean;
  readonly checkIdentity: boolean;
  /** From the commit to the transcript; Infinity = after the next response is done. */
  readonly transcriptDelayMs: number;
  readonly transcription: "tokens" | "duration" | "failed";
  readonly rateLimits: "start" | "end" | "never";
  readonly hooks: SessionHooks;
}

export interface SessionHooks {
  /** Caller audio as it arrived; valid only until it returns. */
  onAudio?(session: ModelSession, bytes: Uint8Array, atMs: number): void;
  /** Model audio as it left; valid only until it returns. */
  onDelta?(session: ModelSession, itemId: string, bytes: Uint8Array, atMs: number): void;
  /** `speech_started` is about to leave. */
  onSpeechStarted?(session: ModelSession, atMs: number): void;
  /** Every client event but audio. */
  onEvent?(session: ModelSession, event: ClientRecord): void;
  onClosed?(session: ModelSession): void;
}

/** Faults of a running server, looked at by every session. */
export interface SessionFaults {
  /** `session.created` never comes. */
  withholdCreated: boolean;
  /** `session.updated` never comes. */
  withholdUpdated: boolean;
  /** Pings stay unanswered. */
  withholdPong: boolean;
  /** What every response does instead of its turn. */
  failResponses: { readonly type: string; readonly code: string; readonly message: string } | null;
}

/** What makes a session that of a SIP call. */
export interface SipSessionLink {
  /** The body of `accept`. */
  readonly accepted: JsonObject;
  /** 1 = the sound plays as fast as in life. */
  readonly playSpeed: number;
  /** The line begins or stops to carry the model's voice. */
  speaking(on: boolean): void;
  /** The session's time is up, and with it the call's. */
  expired(message: string): void;
}

export interface Sideband {
  readonly attachedAtMs: number;
  closed: { readonly atMs: number; readonly code: number } | null;
}

export interface ClientRecord {
  readonly atMs: number;
  readonly type: string;
  readonly event: JsonObject;
}

export interface Truncation {
  readonly atMs: number;
  readonly itemId: string;
  readonly audioEndMs: number;
  /** Audio of the item sent by then. */
  readonly sentMs: number;
  readonly accepted: boolean;
}

export interface SpeechSpan {
  readonly itemId: string;
  readonly audioStartMs: number;
  readonly startedAtMs: number;
  stoppedAtMs: number | null;
  /** A response was running when it began. */
  readonly interrupted: boolean;
}

export interface SentError {
  readonly atMs: number;
  readonly code: string;
  readonly message: string;
  readonly eventType: string;
}
