/**
 * What the floors say to each other: types only. The middle of the house is written against these; the
 * adapters at the top implement them, and `test/support` has a fake for each.
 */
import type { ErrorCode } from "./errors.js";
import type { Twiml } from "./wire/twiml.js";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type CallSid = Branded<"CallSid">;
export type StreamSid = Branded<"StreamSid">;
export type ItemId = Branded<"ItemId">;
export type ResponseId = Branded<"ResponseId">;
export type ToolCallId = Branded<"ToolCallId">;

// --- time -------------------------------------------------------------------------------------------

export interface Timer {
  /** Idempotent; after it the callback never runs. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic ms since an arbitrary origin; fractions allowed. All durations are taken from this. */
  nowMs(): number;
  /** Wall clock, ms since the epoch: for records and tokens, never for durations. */
  epochMs(): number;
  after(ms: number, run: () => void): Timer;
}

// --- log --------------------------------------------------------------------------------------------

/** Fields go beside a fixed text. Never put speech, secrets or full phone numbers into either. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  child(fields: LogFields): Log;
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields, error?: unknown): void;
  error(text: string, fields?: LogFields, error?: unknown): void;
}

// --- sockets ----------------------------------------------------------------------------------------

/** The Twilio side of one call: an accepted Media Streams WebSocket. */
export interface MediaSocket {
  /** One text message. The bytes are copied before it returns, so the caller may reuse them. False: not sent. */
  send(message: Uint8Array): boolean;
  /** Runs `write` so that all its sends leave in one system call. `write` runs before this returns. */
  cork(write: () => void): void;
  /** Bytes that the kernel has not taken yet. */
  bufferedBytes(): number;
  /** Idempotent. 1000 normal, 1008 refused. */
  close(code: number, reason: string): void;
}

/** What the edge does with what it hears on a MediaSocket. `message` is valid only until the call returns. */
export interface MediaReceiver {
  message(message: Uint8Array): void;
  /** Once, last. */
  closed(code: number): void;
}

export interface UpstreamSocket {
  /** One text message. The bytes are copied before it returns, so the caller may reuse them. */
  send(message: Uint8Array): void;
  bufferedBytes(): number;
  close(code: number, reason: string): void;
}

export interface UpstreamSocketEvents {
  opened(): void;
  /** `message` is valid only until the call returns. */
  message(message: Uint8Array): void;
  /** Once, last; also when the dial failed (then `opened` never came). */
  closed(failure: UpstreamClose): void;
}

export interface UpstreamClose {
  /** WebSocket close code; 1006 when there was no close frame; 0 when the handshake never ended. */
  readonly code: number;
  readonly reason: string;
  /** The HTTP status when the handshake was refused, else null. */
  readonly httpStatus: number | null;
}

/** Opens a socket to the model. One dial, one socket; a redial is a new one. */
export interface UpstreamDialer {
  dial(url: string, events: UpstreamSocketEvents): UpstreamSocket;
}

// --- flight recorder --------------------------------------------------------------------------------

/** One call's flight recording while it is written. */
export interface FlightSink {
  /** One JSON line, without its end. Never waits and never throws. */
  line(json: string): void;
  /** Idempotent. */
  close(): void;
}

// --- Twilio REST ------------------------------------------------------------------------------------

export type TwilioCallStatus =
  | "queued"
  | "initiated"
  | "ringing"
  | "in-progress"
  | "completed"
  | "busy"
  | "failed"
  | "no-answer"
  | "canceled";

export interface NewParticipant {
  /** Conference friendly name; it is created when it does not exist. */
  readonly conference: string;
  readonly to: string;
  readonly from: string;
  readonly label: string;
  readonly timeoutS: number;
  readonly earlyMedia: boolean;
  readonly endConferenceOnExit: boolean;
  readonly startConferenceOnEnter: boolean;
  readonly callToken?: string;
  /** Absolute URLs of our callbacks. */
  readonly statusCallback?: string;
  readonly conferenceStatusCallback?: string;
  readonly amdStatusCallback?: string;
}

export interface NewCall {
  readonly to: string;
  readonly from: string;
  readonly url: string;
  readonly fallbackUrl?: string;
  readonly statusCallback: string;
  readonly amdStatusCallback?: string;
  readonly timeoutS?: number;
  /** Of the inbound call in whose caller's name this one is made. */
  readonly callToken?: string;
}

/**
 * Twilio's REST, as far as calls need it. Every method rejects with a RelayError: `caller_gone` (21220, 404),
 * `twilio_busy` (429, retryable), `twilio_unavailable` (5xx or network, retryable), `twilio_timeout` (retryable, it may have
 * been carried out), `twilio_unauthorized` (401), `twilio_rejected` (other 4xx).
 */
export interface CallControl {
  /** calls(sid).update({twiml}): replaces what the call is doing; a running stream ends. */
  redirect(callSid: CallSid, twiml: Twiml): Promise<void>;
  /** calls(sid).update({status: "completed"}). */
  hangUp(callSid: CallSid): Promise<void>;
  status(callSid: CallSid): Promise<TwilioCallStatus>;
  createCall(call: NewCall): Promise<CallSid>;
  /** calls.create with inline TwiML: the human's leg of a warm transfer, who hears the briefing first. */
  createCallWithTwiml(call: Omit<NewCall, "url" | "fallbackUrl">, twiml: Twiml): Promise<CallSid>;
  /** Newest calls to this number started since `sinceEpochMs`: read before a second try of a create. */
  findCalls(to: string, sinceEpochMs: number): Promise<readonly { sid: CallSid; status: TwilioCallStatus }[]>;
  createParticipant(participant: NewParticipant): Promise<{ callSid: CallSid; conferenceSid: string }>;
  removeParticipant(conference: string, callSidOrLabel: string): Promise<void>;
  updateParticipant(
    conference: string,
    callSidOrLabel: string,
    change: {
      readonly hold?: boolean;
      readonly announceUrl?: string;
      readonly endConferenceOnExit?: boolean;
    },
  ): Promise<void>;
  endConference(conference: string): Promise<void>;
  startRecording(callSid: CallSid, channels: "dual" | "mono", statusCallback: string): Promise<string>;
}

// --- OpenAI's REST for SIP calls --------------------------------------------------------------------

/**
 * Calls that reached the model by SIP, by their `rtc_…` id. Every method rejects with a RelayError: `caller_gone` (404),
 * `upstream_account` (401, 403), `upstream_rejected` (other 4xx), `upstream_refused` (429, 5xx: retryable, it may have been
 * carried out), `upstream_timeout` and `upstream_unreachable` (retryable, likewise).
 */
export interface SipControl {
  /** @param session  the configuration itself, as JSON; never with audio formats: SIP negotiates those. */
  accept(callId: string, session: object): Promise<void>;
  /** @param status  a final SIP status, e.g. 486. */
  reject(callId: string, status: number): Promise<void>;
  /** @param targetUri  `tel:+…` or `sip:…`. That the carrier took it is not known by the answer. */
  refer(callId: string, targetUri: string): Promise<void>;
  hangUp(callId: string): Promise<void>;
}

// --- metrics ----------------------------------------------------------------------------------------

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
  callRejected(reason: "full" | "draining" | "overloaded" | "tokens" | "no_agent" | "internal"): void;

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

// --- the customer database --------------------------------------------------------------------------

/** What the customer database knows of a caller. Everything may be missing. */
export interface CallerProfile {
  readonly name: string | null;
  /** BCP 47 tag. */
  readonly language: string | null;
  /** For the model, a few sentences at most. */
  readonly notes: string | null;
  readonly openCases: readonly { readonly id: string; readonly subject: string }[];
}

/** A caller who is about to be handed to a human. */
export interface Escalation {
  readonly callSid: CallSid;
  readonly from: string;
  readonly to: string;
  readonly agent: string;
  readonly destination: string;
  readonly reason: string | null;
  readonly summary: string | null;
  readonly urgency: string | null;
}

export interface CrmCall {
  readonly callSid: CallSid;
  readonly from: string;
  readonly to: string;
}

/** The customer database, as far as it is configured: what is not there answers null and takes nothing. */
export interface Crm {
  /** Never rejects and never takes longer than its time-out. Null: an unknown caller, or no answer. */
  lookUp(call: CrmCall): Promise<CallerProfile | null>;
  /** What it calls the case, if it says. Rejects with a RelayError `tool_…`. */
  escalate(escalation: Escalation): Promise<string | null>;
  /**
   * The record of a call that is over, as JSON. Kept on disk until it is accepted: resolves once it is there.
   * Rejects only when the disk fails.
   */
  completed(call: CrmCall, record: string): Promise<void>;
}
