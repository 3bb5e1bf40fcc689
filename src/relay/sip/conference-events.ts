/**
 * The vocabulary of a call on the SIP path: where caller and model are, what can happen to them,
 * and what is to be done, all as plain data. The decisions are in conference-state.ts.
 */
import type { ErrorCode } from "../../domain/errors.js";

export interface ConferenceState {
  /** `trunk`: the call came straight to the model; Twilio's REST knows nothing of it. */
  readonly kind: "conference" | "trunk";
  readonly model: ModelPlace;
  /** The caller is in the conference. */
  readonly callerIn: boolean;
  readonly callerOnHold: boolean;
  /** A supervisor speaks to the caller in place of the model. */
  readonly supervised: boolean;
  /** When our connection to the present model was opened, within the last minute. */
  readonly attachedMs: readonly number[];
  /** When another model was called in for one that was lost; null: never. */
  readonly redialledMs: number | null;
}

export type ModelPlace =
  | { readonly name: "absent" }
  /**
   * The caller is put on hold before another model is called in: alone in a conference they hear
   * nothing.
   */
  | { readonly name: "holding" }
  /** Twilio adds the model's leg. */
  | { readonly name: "dialing" }
  /** The model's leg rings. `adopted`: the process that dialled it does not answer. */
  | { readonly name: "accepting"; readonly callId: string; readonly adopted: boolean }
  /** The call is accepted; the socket that steers the model is being opened. */
  | { readonly name: "attaching"; readonly callId: string }
  | { readonly name: "attached"; readonly callId: string }
  /** The leg is gone; the news that the caller hung up may follow. */
  | { readonly name: "losing"; readonly code: ErrorCode; readonly retryable: boolean }
  | { readonly name: "over" };

/**
 * `join`: the caller's arrival. `hold`: Twilio's answer that the caller is on hold. `model`: from
 * dialling the model to its session. `grace`: the caller's own end.
 */
export type ConferenceTimer = "join" | "hold" | "model" | "grace";

export type ConferenceInput =
  /**
   * Twilio was given the TwiML that leads the caller into the conference. `returns`: they had been
   * moved out of it.
   */
  | { readonly type: "caller_expected"; readonly returns: boolean }
  | { readonly type: "caller_joined" }
  | { readonly type: "caller_left"; readonly hungUp: boolean }
  /** `again`: for one that was lost. */
  | { readonly type: "call_model"; readonly again: boolean }
  | { readonly type: "hold_done"; readonly callerGone: boolean }
  /** The caller cannot be taken off hold. */
  | { readonly type: "caller_stuck" }
  | { readonly type: "rings"; readonly callId: string; readonly adopted: boolean }
  | { readonly type: "accepted"; readonly callId: string }
  | {
      readonly type: "accept_failed";
      readonly callId: string;
      readonly code: ErrorCode;
      /** The pause before the next try, in ms; null: there is none. */
      readonly pauseMs: number | null;
      /** This one included. */
      readonly tries: number;
    }
  | { readonly type: "session_ready" }
  | { readonly type: "session_lost"; readonly code: ErrorCode; readonly retryable: boolean }
  | { readonly type: "session_unavailable"; readonly code: ErrorCode }
  /** Twilio took none of the requests to add the model. */
  | { readonly type: "add_failed"; readonly code: ErrorCode }
  /** The model's leg is over. */
  | { readonly type: "leg_ended" }
  | { readonly type: "timer"; readonly timer: ConferenceTimer }
  /** The model has left a caller who waits for a human. */
  | { readonly type: "agent_left" }
  | { readonly type: "supervisor"; readonly speaks: boolean }
  /** The agent failed: the model is of no use any more. */
  | { readonly type: "release" }
  | { readonly type: "over" };

export type ConferenceEffect =
  | { readonly do: "arm" | "disarm"; readonly timer: ConferenceTimer }
  | { readonly do: "add_leg" }
  | { readonly do: "drop_legs" }
  /** `pauseMs`: after so long. */
  | {
      readonly do: "accept";
      readonly callId: string;
      readonly tries: number;
      readonly pauseMs: number;
    }
  | { readonly do: "reject"; readonly callId: string }
  | { readonly do: "attach"; readonly callId: string; readonly conversation: "new" | "kept" }
  | { readonly do: "detach" }
  | { readonly do: "hang_up_model"; readonly callId: string }
  | { readonly do: "hold"; readonly on: boolean }
  /** Another process may have to know. */
  | { readonly do: "store" }
  | { readonly do: "tell_caller_arrived" }
  /** They come by a new document, to a conference without a model. */
  | { readonly do: "tell_caller_returns" }
  | { readonly do: "tell_caller_gone" }
  | { readonly do: "tell_model_lost"; readonly code: ErrorCode; readonly retryable: boolean }
  | { readonly do: "tell_taken_elsewhere" };

export interface ConferenceStep {
  readonly state: ConferenceState;
  readonly effects: readonly ConferenceEffect[];
}
