import type { ErrorCode } from "../../domain/errors.js";
import type { CallOutcome } from "../../domain/record-event.js";
import type { TransferRequest } from "../../domain/transfer-request.js";

/**
 * The vocabulary of a call's life: its states, what can happen to it and what it wants done, all as
 * plain data. Types only; the decisions are in `call-state.ts`.
 */
export type CallState =
  /**
   * Twilio has its TwiML; the caller's stream, or the caller in their conference, is not here yet.
   */
  | { readonly name: "offered"; readonly session: SessionState }
  /** The caller is on the line, the model is not ready. */
  | { readonly name: "connecting" }
  | { readonly name: "talking" }
  /**
   * A new session is being opened: the last one was lost, or the caller has come back from a
   * transfer.
   */
  | { readonly name: "redialing"; readonly after: "lost" | "return" }
  /** Something is being said or played to its end before the call goes elsewhere. */
  | { readonly name: "leaving"; readonly disposition: Disposition }
  /** The transfer decides. */
  | {
      readonly name: "handing_over";
      /**
       * Why the agent failed, an error code or a reason; null: it did not, the transfer was wanted.
       */
      readonly failure: string | null;
    }
  /** The caller comes back to the agent and is not here yet. */
  | { readonly name: "returning" }
  /** The call is over; transcripts of what was said may still come. */
  | ({ readonly name: "closing" } & CallEnd)
  | ({ readonly name: "ended" } & CallEnd);

/** How a call ended. */
export interface CallEnd {
  readonly outcome: CallOutcome;
  readonly reason: string;
  readonly next: ConnectEndedAnswer;
}

export type SessionState = "opening" | "ready" | "failed" | "released";

/** What `connect-ended` answers when our side ended the stream. */
export type ConnectEndedAnswer = "hang_up" | "fallback";

export type Disposition =
  | { readonly kind: "transfer"; readonly request: TransferRequest; readonly farewell: Farewell }
  | { readonly kind: "end"; readonly reason: string; readonly farewell: Farewell }
  /** The agent failed: an apology and the fallback destination. */
  | { readonly kind: "fallback"; readonly code: ErrorCode };

/** `ask` the model for one, let what is there `play` to its end, or go at once. */
export type Farewell = "ask" | "play" | "none";

export type TransferNext = "connected" | "back_to_agent" | "apology" | "gone";

export type CallEvent =
  /** The caller's stream has started, or the caller has joined their conference. */
  | { readonly type: "caller_arrived" }
  /** The caller had been moved away, and comes back by a new document: they are not here yet. */
  | { readonly type: "caller_returns" }
  /** `clean`: Twilio said `stop`, or we closed; else the socket just closed. */
  | { readonly type: "stream_ended"; readonly clean: boolean }
  /** `kept`: the model still has the conversation; only our connection to it is new. */
  | { readonly type: "session_ready"; readonly conversation: "new" | "kept" }
  | { readonly type: "session_lost"; readonly code: ErrorCode; readonly retryable: boolean }
  /** Dialled and retried in vain. */
  | { readonly type: "session_unavailable"; readonly code: ErrorCode }
  /** `agentStays`: the model keeps the caller company while a human is asked to join. */
  | { readonly type: "leave"; readonly disposition: Disposition; readonly agentStays: boolean }
  /** All that was to be said has been heard. */
  | { readonly type: "heard_out" }
  | { readonly type: "timer"; readonly timer: CallTimer }
  /** Twilio says that the call is over. */
  | { readonly type: "caller_gone" }
  /** This process gives the call up. */
  | { readonly type: "abandoned"; readonly reason: string }
  /**
   * Twilio asks what follows, and the agent cannot go on: the caller goes to the fallback
   * destination.
   */
  | { readonly type: "gave_up"; readonly reason: string }
  /** Another process has the call: it goes on there. */
  | { readonly type: "moved" }
  /** Twilio asked what follows the stream, and was told. */
  | { readonly type: "stream_followed" }
  /** `agentHere`: the model is still with the caller. */
  | { readonly type: "transfer_ended"; readonly next: TransferNext; readonly agentHere: boolean }
  /** No transcript is due any more. */
  | { readonly type: "transcripts_complete" };

/**
 * `claim`: a warm session waits for its stream. `arrival`: a stream that was promised does not
 * come. `farewell`: the goodbye takes too long. `transcripts`: those that are due do not come.
 */
export type CallTimer = "claim" | "arrival" | "farewell" | "transcripts";

/** Why the call needs its model no more. */
export type ReleaseReason = "unclaimed" | "transfer" | "failure" | "stream_broke" | "end";

export type Effect =
  | { readonly do: "open_session" }
  /** The caller's part with the model is over. */
  | { readonly do: "release_model"; readonly why: ReleaseReason }
  /** Send what the caller said meanwhile, then let the model greet or go on. */
  | { readonly do: "begin"; readonly how: Beginning }
  | { readonly do: "redial" }
  | { readonly do: "ask_farewell"; readonly disposition: Disposition }
  /** Stop speaking at once: nothing more of the model reaches the caller. */
  | { readonly do: "silence_agent" }
  /** The caller will be handed over once the farewell is over. */
  | { readonly do: "announce"; readonly request: TransferRequest }
  | { readonly do: "hand_over"; readonly request: TransferRequest }
  /**
   * The agent failed: begin the transfer to the fallback destination. `asked`: Twilio asks what
   * follows.
   */
  | { readonly do: "fall_back"; readonly reason: string; readonly asked: boolean }
  /** The transfer must know that the caller is gone. */
  | { readonly do: "tell_caller_gone" }
  /** The model has left a caller who waits for a human. */
  | { readonly do: "keep_company" }
  /** The caller waits for a person, still on the line of the relay. */
  | { readonly do: "await_person" }
  /** What the caller hears from now on is Twilio's. */
  | { readonly do: "caller_taken" }
  /** `hang_up`: the caller's leg goes, too. */
  | { readonly do: "close_line"; readonly how: "hang_up" | "stream_only" }
  | { readonly do: "arm"; readonly timer: CallTimer }
  | { readonly do: "disarm"; readonly timer: CallTimer }
  | { readonly do: "await_transcripts" }
  | { readonly do: "finish"; readonly outcome: CallOutcome; readonly reason: string }
  /** Over here only: nothing of it is told. */
  | { readonly do: "move_away" };

/**
 * `greet`: the first time. `resume`: after a session was lost. `return`: from a transfer.
 * `reattach`: the same model.
 */
export type Beginning = "greet" | "resume" | "return" | "reattach";

export interface Step {
  readonly state: CallState;
  readonly effects: readonly Effect[];
}

/** Why a supervisor no longer speaks in place of the model. */
export type HandBackReason = "asked" | "connection_lost" | "no_audio" | "no_line";
