/** What a session of the simulated model is given, and what it leaves to be read. */
import type { SimClock } from "../clock.js";
import type { JsonObject } from "./check.js";
import type { McpServers } from "./mcp-servers.js";

export interface Pace {
  /** Smallest and largest audio delta, before it is made odd. */
  readonly deltaBytes: readonly [number, number];
  readonly burstMs: number;
  /** Deltas that still come after `speech_started` or a cancel, before the done events. */
  readonly lateDeltas: number;
  /** The same after `response.done`. */
  readonly lateDeltasAfterDone: number;
  /** From a cancel to the done events. */
  readonly cancelLagMs: number;
  /** From the upgrade to `session.created`. */
  readonly createdLagMs: number;
  /** From `speech_stopped` to `committed`; 0 puts both into one packet. */
  readonly commitLagMs: number;
  /** From `committed` to the response that VAD starts; 0 puts both into one packet. */
  readonly responseLagMs: number;
  /** From `response.done` to `rate_limits.updated`. */
  readonly rateLimitsLagMs: number;
}

/** As far as live captures tell; odd where they do not. */
export const PACE: Pace = {
  deltaBytes: [301, 2003],
  burstMs: 50,
  lateDeltas: 1,
  lateDeltasAfterDone: 0,
  cancelLagMs: 20,
  createdLagMs: 4,
  commitLagMs: 0,
  responseLagMs: 0,
  rateLimitsLagMs: 40,
};

/** The server's own pings: captures show one every 20.26 s, with four bytes of payload. */
export interface PingTimes {
  readonly everyMs: number;
  /** A client that has not answered by then is closed with 1011. */
  readonly answerWithinMs: number;
}

export const PINGS: PingTimes = { everyMs: 20_260, answerWithinMs: 20_000 };

export interface SessionOptions {
  readonly clock: SimClock;
  readonly pace: Pace;
  /** Null: the server sends none. */
  readonly pings: PingTimes | null;
  /** The longest that a session lasts. */
  readonly maxMs: number;
  readonly keepAudio: boolean;
  readonly checkIdentity: boolean;
  /** From the commit to the transcript; Infinity = after the next response is done. */
  readonly transcriptDelayMs: number;
  readonly transcription: TranscriptionUsage | "failed";
  readonly rateLimits: "start" | "end" | "never";
  readonly mcpServers: McpServers;
  /** `speech_started` is about to leave. */
  readonly onSpeechStarted: (atMs: number) => void;
}

/** How transcripts are billed; "auto": as the session's transcription model is. */
export type TranscriptionUsage = "auto" | "tokens" | "duration";

/** What makes a session that of a SIP call. */
export interface SipSessionLink {
  /** The body of `accept`. */
  readonly accepted: JsonObject;
  /** 1 = the sound plays in real time. */
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

/** Caller audio: `appends` messages, `bytes` in all; `audio` only where it is kept. */
export interface ReceivedAudio {
  appends: number;
  bytes: number;
  readonly audio: Buffer[];
  firstAtMs: number | null;
}
