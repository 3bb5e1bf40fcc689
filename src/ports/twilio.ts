import type { TwilioCallStatus } from "../domain/call-status.js";
import type { CallSid } from "../domain/ids.js";
import type { Twiml } from "../wire/twiml.js";

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
  /** Absolute URLs of the relay's callbacks. */
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
  /** Keys sent once the number has answered. */
  readonly sendDigits?: string;
  /** Of the inbound call whose caller's number this call shows. */
  readonly callToken?: string;
}

/**
 * The part of Twilio's REST that calls need. Every method rejects with a RelayError: `caller_gone`
 * (21220, 404), `twilio_busy` (429, retryable), `twilio_unavailable` (5xx or network, retryable),
 * `twilio_timeout` (retryable; the request may have been carried out), `twilio_unauthorized` (401),
 * `twilio_rejected` (other 4xx).
 */
export interface CallControl {
  /** calls(sid).update({twiml}): replaces what the call is doing; a running stream ends. */
  redirect(callSid: CallSid, twiml: Twiml): Promise<void>;
  /** calls(sid).update({status: "completed"}). */
  hangUp(callSid: CallSid): Promise<void>;
  status(callSid: CallSid): Promise<TwilioCallStatus>;
  createCall(call: NewCall): Promise<CallSid>;
  /**
   * calls.create with inline TwiML: the consult leg of a warm transfer, which begins with the
   * whisper.
   */
  createCallWithTwiml(call: Omit<NewCall, "url" | "fallbackUrl">, twiml: Twiml): Promise<CallSid>;
  /**
   * Newest calls to this number started since `sinceEpochMs`: read before a second try of a create.
   */
  findCalls(
    to: string,
    sinceEpochMs: number,
  ): Promise<readonly { sid: CallSid; status: TwilioCallStatus }[]>;
  createParticipant(
    participant: NewParticipant,
  ): Promise<{ callSid: CallSid; conferenceSid: string }>;
  removeParticipant(conference: string, callSidOrLabel: string): Promise<void>;
  updateParticipant(
    conference: string,
    callSidOrLabel: string,
    change: {
      readonly hold?: boolean;
      /** A document that the participant hears meanwhile. Default: Twilio's music. */
      readonly holdUrl?: string;
      readonly announceUrl?: string;
      readonly endConferenceOnExit?: boolean;
    },
  ): Promise<void>;
  /** Twilio may have agreed to a change of `hold` and not have made it. */
  isOnHold(conference: string, callSidOrLabel: string): Promise<boolean>;
  endConference(conference: string): Promise<void>;
  /** calls(sid).streams.create: sends a copy of both tracks to `url`. @returns the stream's SID. */
  startStream(
    callSid: CallSid,
    url: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<string>;
  stopStream(callSid: CallSid, streamSid: string): Promise<void>;
  startRecording(
    callSid: CallSid,
    channels: "dual" | "mono",
    statusCallback: string,
  ): Promise<string>;
}
