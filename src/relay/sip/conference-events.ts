/**
 * The states, inputs and effects of a call on the SIP path, as plain data. Types only; the
 * decisions are in `conference-state.ts`.
 */
import type { ErrorCode } from "../../domain/errors.js";

export interface ConferenceState {
  /** `trunk`: the call came straight to the model, and Twilio's REST API does not know it. */
  readonly kind: "conference" | "trunk";
  readonly model: ModelPlace;
  /** The caller is in the conference. */
  readonly callerIn: boolean;
  readonly callerOnHold: boolean;
  /** A supervisor speaks to the caller in place of the model. */
  readonly supervised: boolean;
  /** When our connection to the present model was opened, within the last minute. */
  readonly attachedMs: readonly number[];
  /** When the call last redialled a model in place of a lost one; null: never. */
  readonly redialledMs: number | null;
}

export type ModelPlace =
  | { readonly name: "absent" }
  /**
   * The caller is put on hold before another model is dialled. Alone in the conference they would
   * hear nothing.
   */
  | { readonly name: "holding" }
  /** Twilio adds the model's leg. */
  | { readonly name: "dialing" }
  /** The model's leg rings. `adopted`: another process dialled it and does not answer. */
  | { readonly name: "accepting"; readonly callId: string; readonly adopted: boolean }
  /** The call is accepted, and the sideband is being opened. */
  | { readonly name: "attaching"; readonly callId: string }
  | { readonly name: "attached"; readonly callId: string }
  /** The leg is gone. News that the caller hung up may follow. */
  | { readonly name: "losing"; readonly code: ErrorCode; readonly retryable: boolean }
  | { readonly name: "over" };

/**
 * What is awaited. `join`: the caller's arrival. `hold`: Twilio's answer that the caller is on
 * hold. `model`: the session, from the dial. `grace`: news that the caller hung up.
 */
export type ConferenceTimer = "join" | "hold" | "model" | "grace";

export type ConferenceInput =
  /**
   * Twilio got the TwiML that puts the caller into the conference. `returns`: they had been moved
   * out of it.
   */
  | { readonly type: "caller_expected"; readonly returns: boolean }
  | { readonly type: "caller_joined" }
  | { readonly type: "caller_left"; readonly hungUp: boolean }
  /** `again`: in place of a model that was lost. */
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
      /** How many tries there were, this one included. */
      readonly tries: number;
    }
  | { readonly type: "session_ready" }
  | { readonly type: "session_lost"; readonly code: ErrorCode; readonly retryable: boolean }
  | { readonly type: "session_unavailable"; readonly code: ErrorCode }
  /** Twilio accepted none of the requests to add the model. */
  | { readonly type: "add_failed"; readonly code: ErrorCode }
  /** The model's leg is over. */
  | { readonly type: "leg_ended" }
  | { readonly type: "timer"; readonly timer: ConferenceTimer }
  /** The model has left a caller who waits for a human. */
  | { readonly type: "agent_left" }
  | { readonly type: "supervisor"; readonly speaks: boolean }
  /** The call no longer needs this model. */
  | { readonly type: "release" }
  | { readonly type: "over" };

export type ConferenceEffect =
  | { readonly do: "arm" | "disarm"; readonly timer: ConferenceTimer }
  | { readonly do: "add_leg" }
  | { readonly do: "drop_legs" }
  /** `pauseMs`: the pause before the request. */
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
  /** Stores the call's state, in case another process has to take the call over. */
  | { readonly do: "store" }
  | { readonly do: "tell_caller_arrived" }
  /** The caller is on the way back, by a new document, to a conference without a model. */
  | { readonly do: "tell_caller_returns" }
  | { readonly do: "tell_caller_gone" }
  | { readonly do: "tell_model_lost"; readonly code: ErrorCode; readonly retryable: boolean }
  | { readonly do: "tell_taken_elsewhere" };

export interface ConferenceStep {
  readonly state: ConferenceState;
  readonly effects: readonly ConferenceEffect[];
}
