import type { AgentProfile } from "../../domain/agent-profile.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { HistoryItem } from "../model/model-session.js";
import type { CallState, Farewell, HandBackReason, TransferNext } from "./call-events.js";

/**
 * Everything that is done to a call from outside of its two legs, as plain data: by the call
 * registry, the operator API, the console, other processes, a transfer, the flight recorder and
 * replay. `Call.execute` carries a command out.
 */
export type CallCommand =
  /** Opens the model's session before the stream is here (promise S1). */
  | { readonly type: "prewarm" }
  /** Without a warm session the caller's arrival opens one. */
  | { readonly type: "dial_later" }
  /** Asks the CRM who calls; the greeting waits for the answer. */
  | { readonly type: "look_up_caller" }
  /** What the agent is to know of a call that was placed. */
  | { readonly type: "give_context"; readonly context: Readonly<Record<string, unknown>> }
  /** Takes over what another process knew, before the caller arrives. */
  | { readonly type: "resume_from"; readonly handoff: CallHandoff }
  /** The model has something to tell the caller. */
  | { readonly type: "tell_model"; readonly fact: string }
  /** A supervisor's silent note to the model. `by`: the operator's name. */
  | { readonly type: "note"; readonly text: string; readonly by: string }
  /** The agent says exactly this next. */
  | { readonly type: "say"; readonly text: string; readonly by: string }
  /** A turn of the caller that was typed in place of spoken: a text chat, or a conversation test. */
  | { readonly type: "caller_typed"; readonly text: string }
  /**
   * A supervisor speaks to the caller in place of the model. `listener`: whose microphone it is.
   */
  | { readonly type: "take_over"; readonly by: string; readonly listener: number }
  /** Mu-law of that microphone. */
  | { readonly type: "supervisor_audio"; readonly listener: number; readonly base64: string }
  /** The model speaks again. `note`: what it is told of the conversation. */
  | {
      readonly type: "hand_back";
      readonly by: string;
      readonly reason: HandBackReason;
      readonly note: string | null;
    }
  | {
      readonly type: "transfer";
      readonly request: TransferRequest;
      readonly farewell: Farewell;
      /** The operator who asked for it; absent: no operator did. */
      readonly by?: string;
    }
  | {
      readonly type: "end";
      readonly reason: string;
      readonly farewell: Farewell;
      readonly by?: string;
    }
  /** Twilio says that the call is over. */
  | { readonly type: "caller_gone" }
  /**
   * This process gives the call up: a caller with a human stays there, all others go to their
   * fallback.
   */
  | { readonly type: "abandon"; readonly reason: string }
  /**
   * Twilio asks what follows, and the agent cannot go on: the caller goes to the fallback
   * destination.
   */
  | { readonly type: "give_up"; readonly reason: string }
  /** Another process has the call. */
  | { readonly type: "moved" }
  /** Twilio asked what follows the stream, and was told. */
  | { readonly type: "stream_followed" }
  | { readonly type: "transfer_ended"; readonly next: TransferNext }
  /** Ends our side of the stream: Twilio asks what follows. */
  | { readonly type: "close_stream" }
  /** Twilio says that the stream is over before its socket does. */
  | { readonly type: "drop_stream" }
  /**
   * Answering-machine detection: `human`, `machine_start`, `machine_end_beep`, `fax`, `unknown` …
   */
  | { readonly type: "answered_by"; readonly by: string };

/** What the process that has a call's stream takes over from the one that waited for it. */
export interface CallHandoff {
  /** The caller was on the line before and comes back; else the call has just begun. */
  readonly returning: boolean;
  readonly history: readonly HistoryItem[];
  /** The agent has something to say first. */
  readonly replyPending: boolean;
  /** What the customer database knows, as it is told to the model; null: nothing. */
  readonly facts: string | null;
  /**
   * Fields of the caller look-up's answer. Absent when a peer or a flight recording of an earlier
   * version sent it.
   */
  readonly caller?: Readonly<Record<string, string>>;
  readonly language: string;
  readonly callToken: string | null;
}

/** Why a command was not carried out. */
export type Refusal =
  | "not_found"
  | "not_live"
  | "destination_unknown"
  | "invalid"
  /** No supervisor can be heard on the call's path. */
  | "path"
  /** A supervisor speaks to the caller already. */
  | "taken_over"
  | "not_taken_over"
  /** The operator has no such connection that listens to the call. */
  | "not_listening";

/** A supervisor's transfer: at once, without a farewell. */
export function supervisorTransfer(
  destination: string,
  reason: string | null,
  by: string,
): CallCommand {
  return {
    type: "transfer",
    by,
    farewell: "none",
    request: { destination, reason, summary: null, urgency: null, by: "supervisor" },
  };
}

/** A supervisor ends the call at once. */
export function supervisorEnd(by: string): CallCommand {
  return { type: "end", reason: "supervisor", farewell: "none", by };
}

/**
 * Why a caller cannot leave their agent by this command now; null: they can. A farewell is no
 * reason.
 */
export function leaveRefusal(
  { name }: CallState,
  command: CallCommand & { type: "transfer" | "end" },
  agent: Pick<AgentProfile, "transfer">,
): Refusal | null {
  switch (name) {
    case "connecting":
    case "talking":
    case "redialing":
    case "leaving":
      if (command.type === "end" || agent.transfer.destinations.has(command.request.destination))
        return null;
      return "destination_unknown";
    case "offered":
    case "handing_over":
    case "returning":
    case "closing":
    case "ended":
      return "not_live";
  }
}
