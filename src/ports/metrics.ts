import type { ErrorCode } from "../domain/errors.js";

export type TransferMetricKind = "dial" | "enqueue" | "workflow" | "warm" | "refer";
export type TokenKind =
  | "input_text"
  | "input_audio"
  | "input_image"
  | "cached_text"
  | "cached_audio"
  | "cached_image"
  | "output_text"
  | "output_audio";
export type AuthSurface = "webhook" | "media" | "token" | "openai" | "api";
export type AuthFailureReason = "missing" | "invalid" | "expired" | "replayed";

/**
 * What the house counts. Plain calls with plain numbers, cheap enough for every frame: they allocate nothing,
 * never throw and never wait. Names and labels as they are scraped: `docs/metrics.md`. All times are seconds.
 */
export interface CallMetrics {
  callStarted(): void;
  callEnded(outcome: "completed" | "transferred" | "abandoned" | "failed" | "rejected"): void;
  /** A call that was started here goes on in another process: it ends there. */
  callMoved(): void;
  /** A caller who was not let in to an agent; not counted as started. */
  callRejected(
    reason: "full" | "draining" | "overloaded" | "tokens" | "no_agent" | "internal",
  ): void;

  /** From reading a frame off one socket to handing it to the other. */
  frameUplink(transitSeconds: number): void;
  frameDownlink(transitSeconds: number): void;
  /** A hole in Twilio's timestamps that was filled with silence. */
  uplinkGap(): void;
  /** Caller frames given up because the bounded backlog was full. */
  uplinkDropped(frames: number): void;
  /** Model audio given up because the bounded playout was full. */
  downlinkDropped(frames: number): void;
  /** A message of a peer whose type this version does not know. */
  unknownMessage(leg: "media" | "upstream"): void;

  /** Caller stopped speaking → first byte of the answer left for Twilio. */
  voiceToVoice(seconds: number): void;
  /** Stream start → first byte of agent audio left for Twilio. */
  firstAudio(seconds: number): void;
  /** Audio waiting here for one call, sampled; Twilio's share not included. */
  playoutBuffer(seconds: number): void;
  underrun(): void;

  bargeIn(source: "model" | "local"): void;
  /** speech_started read → `clear` handed to the socket. */
  bargeInClear(seconds: number): void;
  truncationRejected(): void;

  /** Dial → configured session. */
  upstreamConnect(seconds: number): void;
  upstreamError(code: ErrorCode): void;
  upstreamReconnect(outcome: "ok" | "failed"): void;
  warmSessions(now: number): void;

  tool(
    name: string,
    outcome: "ok" | "error" | "timeout" | "invalid" | "denied" | "cancelled",
    seconds: number,
  ): void;
  transfer(
    kind: TransferMetricKind,
    outcome: "answered" | "busy" | "no_answer" | "failed" | "declined" | "caller_gone" | "denied",
  ): void;
  twilioRequest(operation: string, outcome: "ok" | ErrorCode, seconds: number): void;

  tokens(model: string, kind: TokenKind, count: number): void;
  cost(model: string, usd: number): void;

  authFailure(surface: AuthSurface, reason: AuthFailureReason): void;
  draining(now: boolean): void;
  recordsPending(now: number): void;
  /** Record events given up: spool full. */
  recordsDropped(count: number): void;
}
