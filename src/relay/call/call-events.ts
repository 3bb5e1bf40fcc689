import type { ErrorCode } from "../../domain/errors.js";
import type { CallOutcome } from "../../domain/record-event.js";
import type { TransferRequest } from "../../domain/transfer-request.js";

/**
 * The states, events and effects of a call, as plain data. Types only; the decisions are in
 * `call-state.ts`.
 */
export type CallState =
  /**
   * Twilio has its TwiML. The caller's stream, or the caller in their conference, has not come yet.
   */
  | { readonly name: "offered"; readonly session: SessionState }
  /** The caller is on the line and the model is not ready yet. */
  | { readonly name: "connecting" }
  | { readonly name: "talking" }
  /**
   * A new session is being opened: the last one was lost, or the caller has come back from a
   * transfer.
   */
  | { readonly name: "redialing"; readonly after: "lost" | "return" }
  /** The farewell is being said, or played to its end, before the caller leaves the agent. */
  | { readonly name: "leaving"; readonly disposition: Disposition }
  /** The caller has left the agent, and the transfer decides what happens to them. */
  | {
      readonly name: "handing_over";
      /**
       * Why the agent failed: an error code or a reason. Null: the transfer was wanted.
       */
      readonly failure: string | null;
    }
  /** The caller is on the way back to the agent and has not arrived yet. */
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

/** `ask` the model for one, let what it has said `play` to its end, or leave at once (`none`). */
export type Farewell = "ask" | "play" | "none";

export type TransferNext = "connected" | "back_to_agent" | "apology" | "gone";

export type CallEvent =
  /** The caller's stream has started, or the caller has joined their conference. */
  | { readonly type: "caller_arrived" }
  /** The caller had been moved away and is on the way back by a new document. */
  | { readonly type: "caller_returns" }
  /** `clean`: Twilio sent `stop`, or the relay closed. Otherwise the socket closed by itself. */
  | { readonly type: "stream_ended"; readonly clean: boolean }
  /** `kept`: the model still has the conversation; only our connection to it is new. */
  | { readonly type: "session_ready"; readonly conversation: "new" | "kept" }
  | { readonly type: "session_lost"; readonly code: ErrorCode; readonly retryable: boolean }
  /** The dial and its retry have failed. */
  | { readonly type: "session_unavailable"; readonly code: ErrorCode }
  /** `agentStays`: the model keeps the caller company while a human is asked to join. */
  | { readonly type: "leave"; readonly disposition: Disposition; readonly agentStays: boolean }
  /** The caller has heard the farewell to its end. */
  | { readonly type: "heard_out" }
  | { readonly type: "timer"; readonly timer: CallTimer }
  /** Twilio says that the call is over. */
  | { readonly type: "caller_gone" }
  /** This process is shutting down and gives the call up. */
  | { readonly type: "abandoned"; readonly reason: string }
  /**
   * Twilio asks what follows, and the agent cannot go on: the caller goes to the fallback
   * destination.
   */
  | { readonly type: "gave_up"; readonly reason: string }
  /** Another process has the call, which goes on there. */
  | { readonly type: "moved" }
  /** Twilio asked what follows the stream, and was told. */
  | { readonly type: "stream_followed" }
  /** `agentHere`: the model is still with the caller. */
  | { readonly type: "transfer_ended"; readonly next: TransferNext; readonly agentHere: boolean }
  /** No transcript is due any more. */
  | { readonly type: "transcripts_complete" };

/**
 * What has not happened when a timer ends. `claim`: no stream has claimed the warm session.
 * `arrival`: the promised stream has not come. `farewell`: the farewell is not over. `transcripts`:
 * some transcripts are still due.
 */
export type CallTimer = "claim" | "arrival" | "farewell" | "transcripts";

/** Why the call no longer needs its model. */
export type ReleaseReason = "unclaimed" | "transfer" | "failure" | "stream_broke" | "end";

export type Effect =
  | { readonly do: "open_session" }
  /** The call no longer needs its model. */
  | { readonly do: "release_model"; readonly why: ReleaseReason }
  /** Send the model what the caller said meanwhile, then let it greet or go on. */
  | { readonly do: "begin"; readonly how: Beginning }
  | { readonly do: "redial" }
  | { readonly do: "ask_farewell"; readonly disposition: Disposition }
  /** Stop the agent at once: the caller hears nothing more of the model. */
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
  /** From now on the caller hears Twilio, not the relay. */
  | { readonly do: "caller_taken" }
  /** `hang_up`: the caller's leg ends, too. */
  | { readonly do: "close_line"; readonly how: "hang_up" | "stream_only" }
  | { readonly do: "arm"; readonly timer: CallTimer }
  | { readonly do: "disarm"; readonly timer: CallTimer }
  | { readonly do: "await_transcripts" }
  | { readonly do: "finish"; readonly outcome: CallOutcome; readonly reason: string }
  /** The call goes on in another process, which completes its record. */
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
