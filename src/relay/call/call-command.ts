import type { AgentProfile } from "../../domain/agent-profile.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { HistoryItem } from "../model/model-session.js";
import type { CallState, Farewell, HandBackReason, TransferNext } from "./call-events.js";

/**
 * Everything that is done to a call from outside its two legs, as plain data. Commands come from
 * the webhooks, the operator API, the console, other processes, transfers and replay.
 * `Call.execute` carries a command out.
 */
export type CallCommand =
  /** Opens the model's session before the stream comes (promise S1). */
  | { readonly type: "prewarm" }
  /** Opens no session yet: the caller's arrival opens it. */
  | { readonly type: "dial_later" }
  /** Asks the CRM who is calling. The greeting waits for the answer. */
  | { readonly type: "look_up_caller" }
  /** Tells the agent what it should know about an outbound call. */
  | { readonly type: "give_context"; readonly context: Readonly<Record<string, unknown>> }
  /** Takes over what another process knew, before the caller arrives. */
  | { readonly type: "resume_from"; readonly handoff: CallHandoff }
  /** Gives the model a fact to tell the caller. */
  | { readonly type: "tell_model"; readonly fact: string }
  /** A supervisor's silent note to the model. `by`: the operator's name. */
  | { readonly type: "note"; readonly text: string; readonly by: string }
  /** The agent says exactly this next. */
  | { readonly type: "say"; readonly text: string; readonly by: string }
  /** A turn of the caller that was typed in place of spoken: a text chat, or a conversation test. */
  | { readonly type: "caller_typed"; readonly text: string }
  /** A supervisor speaks in place of the model. `listener`: the listener whose microphone is on. */
  | { readonly type: "take_over"; readonly by: string; readonly listener: number }
  /** Mu-law audio from that microphone, at most 200 ms. */
  | { readonly type: "supervisor_audio"; readonly listener: number; readonly base64: string }
  /** The model speaks again. `note`: what the supervisor tells it about the conversation. */
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
   * This process shuts down and gives the call up. A caller with a human stays with them; others go
   * to the fallback destination.
   */
  | { readonly type: "abandon"; readonly reason: string }
  /**
   * Twilio asks what follows, and the agent cannot go on: the caller goes to the fallback
   * destination.
   */
  | { readonly type: "give_up"; readonly reason: string }
  /** Another process has taken the call over. */
  | { readonly type: "moved" }
  /** Twilio asked what follows the stream, and was told. */
  | { readonly type: "stream_followed" }
  | { readonly type: "transfer_ended"; readonly next: TransferNext }
  /** Ends our side of the stream, so that Twilio asks what follows. */
  | { readonly type: "close_stream" }
  /** Twilio has reported the end of the stream, although its socket is still open. */
  | { readonly type: "drop_stream" }
  /**
   * Answering-machine detection: `human`, `machine_start`, `machine_end_beep`, `fax`, `unknown` …
   */
  | { readonly type: "answered_by"; readonly by: string };

/** What the process that has a call's stream takes over from the one that waited for it. */
export interface CallHandoff {
  /** True: the caller has talked with the agent before and comes back. False: the call begins. */
  readonly returning: boolean;
  readonly history: readonly HistoryItem[];
  /** The agent owes the caller a reply, and so speaks first. */
  readonly replyPending: boolean;
  /** What the CRM knows of the caller, as the model is told it; null: nothing. */
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
  /** On the call's path a supervisor cannot speak to the caller. */
  | "path"
  /** A supervisor is already speaking to the caller. */
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
 * Why this command cannot take the caller away from their agent now; null: it can. A farewell that
 * is being said does not prevent it.
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
