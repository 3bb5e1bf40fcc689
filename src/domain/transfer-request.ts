/** What is asked of a transfer, and how it can end. Types only. */
import type { Urgency } from "./agent-profile.js";
import type { CallSid } from "./ids.js";

/**
 * "agent": the model's tool. "key": the caller's key. "supervisor": the API. "failure": the agent
 * failed. "limit": the time or the money of the call is used up.
 */
export type TransferBy = "agent" | "key" | "supervisor" | "failure" | "limit";

/**
 * Who is to be reached and why. `destination` is a name of the agent's directory, never a number.
 */
export interface TransferRequest {
  readonly destination: string;
  readonly reason: string | null;
  readonly summary: string | null;
  readonly urgency: Urgency | null;
  readonly by: TransferBy;
}

/** What Twilio says to the caller before it connects; "none" when the agent has said goodbye. */
export type Preface = "none" | "moment" | "apology";

/** A request together with what documents need to know of its call. Plain JSON. */
export interface CallTransferRequest extends TransferRequest {
  readonly callSid: CallSid;
  /** The caller, as Twilio says: E.164, `client:…`, `sip:…` or a word such as "anonymous". */
  readonly caller: string;
  /** The number of ours that the call runs over, E.164 where there is one. */
  readonly ours: string;
  readonly direction: "inbound" | "outbound";
  /** BCP 47 tag of the language that the caller is spoken to in. */
  readonly language: string;
  /** Allows the human to see the caller's own number; null or absent: they see ours. */
  readonly callToken?: string | null;
  readonly preface: Preface;
}

/** How a transfer reached, or was to reach, its human: a label of `murelay_transfers_total`. */
export type TransferKind = "dial" | "enqueue" | "workflow" | "warm" | "refer";

export type TransferOutcome =
  | "answered"
  | "busy"
  | "no_answer"
  | "failed"
  | "declined"
  | "caller_gone"
  | "denied";

/**
 * What a transfer notes on its way. `detail` is the destination's name, an error code, the reason
 * of a refusal or the CRM's case reference, where there is one.
 */
export type TransferStepName =
  /**
   * The request that takes the caller to a destination was sent, failed, or was replaced by closing
   * the stream.
   */
  | "redirect"
  | "redirect_failed"
  | "stream_closed"
  /** The caller is in the destination's document: Twilio dials. */
  | "calling"
  /** The consult leg could not be created, was answered, or its human pressed a key (or none). */
  | "consult_failed"
  | "screening"
  | "accept"
  | "decline"
  | "no_key"
  /** How a destination failed. */
  | Exclude<TransferOutcome, "answered" | "denied">
  | "refused"
  /** The caller could not be brought anywhere any more, and their call was ended. */
  | "given_up"
  /** The CRM was told. */
  | "escalated"
  | "escalation_failed";

/** Where the caller is once a transfer has ended. */
export type TransferNext = "connected" | "back_to_agent" | "apology" | "gone";

/** Why a transfer is refused before Twilio is asked for anything. */
export type TransferRefusal = "destination_unknown" | "call_limit" | "destination_limit";

/** A transfer that has not connected the caller, as the agent is told about it. */
export interface TransferFailure {
  readonly destination: string;
  readonly outcome: Exclude<TransferOutcome, "answered">;
  /** Set with the outcome "denied". */
  readonly refusal: TransferRefusal | null;
}
