/**
 * The vocabulary of a transfer: its state, what can happen to it and what it wants done. Everything is plain JSON, so that
 * a state can be stored and taken up by any node. Types only; the decisions are in `transfer-state.ts`.
 */
import type { Destination } from "../domain/agent-profile.js";
import type { TwilioCallStatus } from "../domain/call-status.js";
import type { ErrorCode } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { TransferOutcome } from "../domain/record-event.js";

/** Where the caller goes once a transfer has ended. */
export type TransferNext = "connected" | "back_to_agent" | "apology" | "gone";

export interface TransferState {
  /** Destinations in the order in which they are tried; at least one. */
  readonly ladder: readonly Destination[];
  /**
   * The caller is in a conference with the agent and stays there while humans are asked: a warm rung moves nobody, and a
   * transfer that failed has nobody to bring back. False from the first move on.
   */
  readonly stays: boolean;
  /** Index into the ladder. */
  readonly rung: number;
  /** Number of the document that the caller is in or on the way to; part of its URLs, so that stale callbacks are known. */
  readonly doc: number;
  /** Number of the last human that was rung for a warm transfer; part of that leg's URLs. */
  readonly ring: number;
  /** Warm: the leg of the human who is being asked or was connected; null while Twilio has not told its SID. */
  readonly human: CallSid | null;
  /** What the end of the ladder leads to. */
  readonly bottom: "agent" | "apology";
  readonly phase: Phase;
}

export type Phase =
  /** The caller still hears the agent's goodbye. */
  | { readonly name: "farewell" }
  /** On the way to the rung's document. */
  | {
      readonly name: "moving";
      readonly sinceMs: number;
      readonly tries: number;
      /** True: out of the agent's stream. False: out of an earlier rung's document. */
      readonly fromStream: boolean;
      readonly waits: MoveWait;
    }
  /** In `<Dial>` or `<Enqueue>`: Twilio will tell how it ends. `gone`: the caller hung up, but perhaps after a talk. */
  | { readonly name: "dialing"; readonly gone: boolean }
  /** Warm: the caller waits in the conference, the human's phone rings. */
  | { readonly name: "ringing"; readonly tries: number; readonly pausing: boolean }
  | { readonly name: "briefing" }
  /** Warm: the human has accepted and is on the way into the conference. */
  | { readonly name: "joining" }
  /** Ended, but the caller still has to be brought to the agent or the apology. */
  | {
      readonly name: "returning";
      readonly tries: number;
      readonly outcome: TransferOutcome;
      readonly next: TransferNext;
      readonly waits: MoveWait;
    }
  | { readonly name: "over"; readonly outcome: TransferOutcome; readonly next: TransferNext };

/**
 * `request`, `probe`: under way. `again`, `look`: a pause before the next request or probe. `asked`: the stream was closed, so
 * that Twilio asks what follows it. `taken_up`: another process's stream has ended, and it is not known what followed.
 */
export type MoveWait = "request" | "probe" | "again" | "look" | "asked" | "taken_up";

export type DialResult = "answered" | "busy" | "no_answer" | "failed";

export type TransferEvent =
  | { readonly type: "farewell_heard" }
  /** Twilio asks what follows the stream: the answer may be the rung's document. */
  | { readonly type: "stream_followed" }
  | { readonly type: "redirected"; readonly doc: number }
  | {
      readonly type: "redirect_failed";
      readonly doc: number;
      readonly code: ErrorCode;
      /** The agent's stream of this caller is up. */
      readonly onStream: boolean;
    }
  /** The caller's call was looked at. Null: Twilio would not say. */
  | {
      readonly type: "probed";
      readonly doc: number;
      readonly status: TwilioCallStatus | null;
      readonly onStream: boolean;
    }
  /** The `action` of the caller's document. `callOver`: the caller's call itself has ended. */
  | {
      readonly type: "document_ended";
      readonly doc: number;
      readonly result: DialResult;
      readonly callOver: boolean;
    }
  /** A sign that the caller is in this document: a wait page was fetched, the conference was joined. */
  | { readonly type: "document_seen"; readonly doc: number }
  /** Status callback of a `<Dial>`'s child leg. */
  | { readonly type: "child_status"; readonly doc: number; readonly status: TwilioCallStatus }
  | { readonly type: "human_created"; readonly ring: number; readonly sid: CallSid }
  | { readonly type: "human_failed"; readonly ring: number; readonly code: ErrorCode }
  /** After a create whose fate is unknown: does any live leg to that target exist? Null: Twilio would not say. */
  | { readonly type: "human_found"; readonly ring: number; readonly exists: boolean | null }
  | {
      readonly type: "human_status";
      readonly ring: number;
      readonly sid: CallSid;
      /** Null: Twilio would not say. */
      readonly status: TwilioCallStatus | null;
      /** Callbacks come late and out of order; what was asked for is as it is now. */
      readonly source: "callback" | "probe";
    }
  /** A key on the human's phone, or the end of the briefing without one. */
  | {
      readonly type: "human_answered";
      readonly ring: number;
      readonly sid: CallSid;
      readonly answer: "accept" | "decline" | "none";
    }
  /** The human is in the conference with the caller. */
  | { readonly type: "joined"; readonly ring: number }
  | { readonly type: "caller_gone" }
  | { readonly type: "timer"; readonly onStream: boolean }
  /** Taken up from storage: what was under way is looked into again. */
  | { readonly type: "resumed" };

/** A document that Twilio is answered with. */
export type Page =
  /** The current rung's. */
  | "rung"
  | "agent"
  | "apology"
  | "hangup"
  /** For the human: into the conference. */
  | "join"
  /** For the human: the caller is no longer there, or somebody else has the call. */
  | "too_late";

export type TransferEffect =
  /** calls.update of the caller. */
  | { readonly do: "redirect"; readonly page: Extract<Page, "rung" | "agent" | "apology"> }
  /** Look at the caller's call. */
  | { readonly do: "probe" }
  | { readonly do: "close_stream" }
  | { readonly do: "ring_human" }
  | { readonly do: "find_human"; readonly ring: number }
  | { readonly do: "probe_human"; readonly sid: CallSid }
  | { readonly do: "hang_up_human"; readonly sid: CallSid }
  /** There is one timer; arming it again replaces it. */
  | { readonly do: "arm"; readonly ms: number }
  | { readonly do: "disarm" }
  /** For the record. */
  | { readonly do: "step"; readonly step: string; readonly detail: string | null }
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
