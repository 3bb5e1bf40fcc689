/**
 * The states, events and effects of a transfer. Everything is plain JSON, so that any node can take
 * over a stored state. Types only; the decisions are in `transfer-state.ts`.
 */
import type { Destination } from "../domain/agent-profile.js";
import type { TwilioCallStatus } from "../domain/call-status.js";
import type { ErrorCode } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type {
  TransferNext,
  TransferOutcome,
  TransferStepName,
} from "../domain/transfer-request.js";

export interface TransferState {
  /** At least one destination, in the order in which they are tried. */
  readonly failoverList: readonly Destination[];
  /** Index into the failover list. */
  readonly step: number;
  /**
   * The caller is in a conference with the agent and stays there while humans are called: a warm
   * step does not move the caller, and after a failed transfer they are still with the agent. False
   * from the first redirect on.
   */
  readonly agentStays: boolean;
  /**
   * Number of the document that the caller is in or on the way to. Callbacks of older documents are
   * stale.
   */
  readonly revision: number;
  /** Number of the last consult leg; 0: there was none. Callbacks of older legs are stale. */
  readonly attempt: number;
  /** The current consult leg; null while Twilio has not told its SID. */
  readonly consultLeg: CallSid | null;
  /** What follows when the last step has failed. */
  readonly afterLastStep: "agent" | "apology";
  readonly phase: Phase;
}

export type Phase =
  /** The caller still hears the agent's goodbye. */
  | { readonly name: "farewell" }
  /** On the way into the document of the current step. */
  | {
      readonly name: "redirecting";
      readonly sinceMs: number;
      readonly tries: number;
      /** True: out of the agent's stream. False: out of an earlier document. */
      readonly fromStream: boolean;
      readonly waits: RedirectWait;
    }
  /**
   * In `<Dial>` or `<Enqueue>`. `callerGone`: the caller hung up, but perhaps after a conversation.
   * `probing`: no news came in time, so the caller's call is asked for; `probes`: how often it was
   * asked for in vain.
   */
  | {
      readonly name: "dialing";
      readonly callerGone: boolean;
      readonly probing: boolean;
      readonly probes: number;
    }
  /**
   * The caller waits in a conference while the consult leg rings. `resumed`: another process
   * created the leg, and Twilio has not reported anything about it since.
   */
  | {
      readonly name: "ringing";
      readonly tries: number;
      readonly pausing: boolean;
      readonly resumed?: boolean;
    }
  /** The human hears the whisper and is asked for a key. */
  | { readonly name: "screening" }
  /** The human has accepted and is on the way into the conference. */
  | { readonly name: "joining"; readonly probes: number }
  /** Its outcome is known, but the caller still has to be brought to the agent or the apology. */
  | {
      readonly name: "returning";
      readonly tries: number;
      readonly outcome: TransferOutcome;
      readonly next: TransferNext;
      readonly waits: RedirectWait;
    }
  | { readonly name: "over"; readonly outcome: TransferOutcome; readonly next: TransferNext };

/**
 * `request`, `probe`: under way. `before_request`, `before_probe`: in the pause before one.
 * `accepted`: Twilio has accepted the request, and nothing shows yet that it was carried out.
 * `asked`: the stream was closed, so that Twilio asks what follows it. `taken_up`: another
 * process's stream has ended, and it is not known what followed.
 */
export type RedirectWait =
  | "request"
  | "probe"
  | "before_request"
  | "before_probe"
  | "accepted"
  | "asked"
  | "taken_up";

export type DialResult = "answered" | "busy" | "no_answer" | "failed";

/**
 * Whether our stream carries the caller. Null: the caller's path has no stream that could be seen.
 */
export type OnStream = boolean | null;

export type TransferEvent =
  | { readonly type: "farewell_heard"; readonly onStream: OnStream }
  /** Twilio asks what follows the stream: the answer may be the step's document. */
  | { readonly type: "stream_followed" }
  /** Twilio has accepted the redirect. */
  | { readonly type: "redirected"; readonly revision: number; readonly onStream: OnStream }
  | {
      readonly type: "redirect_failed";
      readonly revision: number;
      readonly code: ErrorCode;
      readonly onStream: OnStream;
    }
  /** The status of the caller's call. Null: Twilio would not say. */
  | {
      readonly type: "probed";
      readonly revision: number;
      readonly status: TwilioCallStatus | null;
      readonly onStream: OnStream;
    }
  /** The `action` of the caller's document. `callOver`: the caller's call itself has ended. */
  | {
      readonly type: "document_ended";
      readonly revision: number;
      readonly result: DialResult;
      readonly callOver: boolean;
    }
  /**
   * A sign that the caller is in this document: a wait page was fetched, the conference was joined.
   */
  | { readonly type: "document_seen"; readonly revision: number }
  /** Status callback of a `<Dial>`'s child leg. */
  | { readonly type: "child_status"; readonly revision: number; readonly status: TwilioCallStatus }
  | ConsultEvent
  | { readonly type: "caller_gone" }
  | { readonly type: "timer"; readonly onStream: OnStream }
  /** Another process took the transfer over: it finds out what became of requests under way. */
  | { readonly type: "resumed" };

/** What happens on the consult leg. `attempt` says on which. */
export type ConsultEvent =
  | { readonly type: "consult_created"; readonly attempt: number; readonly sid: CallSid }
  | { readonly type: "consult_failed"; readonly attempt: number; readonly code: ErrorCode }
  /**
   * After a create whose fate is unknown: does any live leg to that target exist? Null: Twilio
   * would not say.
   */
  | { readonly type: "consult_found"; readonly attempt: number; readonly exists: boolean | null }
  | {
      readonly type: "consult_status";
      readonly attempt: number;
      readonly sid: CallSid;
      /** Null: Twilio would not say. */
      readonly status: TwilioCallStatus | null;
      /** Callbacks come late and out of order; the answer to a probe is as things are now. */
      readonly source: "callback" | "probe";
    }
  /** A key on the human's phone, or the end of the screening without one. */
  | {
      readonly type: "consult_answered";
      readonly attempt: number;
      readonly sid: CallSid;
      readonly answer: ScreeningAnswer;
    }
  /** The human is in the conference with the caller. */
  | { readonly type: "consult_joined"; readonly attempt: number };

export type ScreeningAnswer = "accept" | "decline" | "none";

/** A document that Twilio is answered with. */
export type Page =
  /** That of the current step. */
  | "step"
  | "agent"
  | "apology"
  | "hangup"
  /** For the human: into the conference. */
  | "join"
  /** For the human: the caller is no longer there, or another human has the call. */
  | "too_late";

export type TransferEffect =
  /** calls.update of the caller. */
  | { readonly do: "redirect"; readonly page: Extract<Page, "step" | "agent" | "apology"> }
  /** Ask for the status of the caller's call. */
  | { readonly do: "probe" }
  | { readonly do: "close_stream" }
  /** The caller cannot be brought anywhere: end the call rather than leave them waiting. */
  | { readonly do: "hang_up_caller" }
  | { readonly do: "call_consult_leg" }
  | { readonly do: "find_consult_leg"; readonly attempt: number }
  | { readonly do: "probe_consult_leg"; readonly sid: CallSid }
  | { readonly do: "hang_up_consult_leg"; readonly sid: CallSid }
  /** There is one timer; arming it again replaces it. */
  | { readonly do: "arm"; readonly ms: number }
  | { readonly do: "disarm" }
  /** For the record. */
  | { readonly do: "record"; readonly step: TransferStepName; readonly detail: string | null }
  | { readonly do: "answer"; readonly page: Page }
  /** Exactly once in a transfer's life. */
  | {
      readonly do: "end";
      readonly destination: Destination;
      readonly outcome: TransferOutcome;
      readonly next: TransferNext;
    }
  /** After `end`: the caller could not be brought back, they are gone. */
  | { readonly do: "lost" };

export interface TransferStep {
  readonly state: TransferState;
  readonly effects: readonly TransferEffect[];
}
