import type { AgentProfile } from "../../domain/agent-profile.js";
import { type CallCommand, leaveRefusal, type Refusal } from "./call-command.js";
import type { CallEventLog } from "./call-event-log.js";
import type { CallState, Disposition } from "./call-events.js";
import * as prompts from "./prompts.js";
import type { Takeover } from "./takeover.js";

type Of<Type extends CallCommand["type"]> = Extract<CallCommand, { readonly type: Type }>;

/** What a supervisor may do to a call. Transfers and ends have other causes, too. */
export type SupervisorAct = Of<
  "note" | "say" | "take_over" | "supervisor_audio" | "hand_back" | "transfer" | "end"
>;

/** The call, as far as a supervisor acts on it. */
export interface SupervisedCall {
  readonly state: CallState;
  readonly agent: Pick<AgentProfile, "transfer">;
  /** The caller is on the line and only the agent, if anyone, talks with them. */
  readonly isWithAgent: boolean;
  readonly isTalking: boolean;
  readonly takeover: Pick<Takeover, "begin" | "handBack" | "isModelOut" | "voice">;
  /** Null while no session is ready, and while a supervisor keeps the model out. */
  readonly session: object | null;
  readonly eventLog: Pick<CallEventLog, "note" | "remember">;
  /** Tells the model a fact: now, or as soon as a session is ready. */
  noteModel(text: string): void;
  /** The model speaks as these instructions say, as soon as it may begin. */
  ask(instructions: string): void;
  leave(disposition: Disposition): void;
}

/**
 * Carries out what a supervisor wants, and writes it to the call's record with their name.
 *
 * @returns why it was refused; null: it was carried out.
 */
export function supervise(call: SupervisedCall, act: SupervisorAct): Refusal | null {
  switch (act.type) {
    case "note":
      return note(call, act);
    case "say":
      return say(call, act);
    case "take_over":
      return call.takeover.begin(act.by, act.listener);
    case "supervisor_audio":
      call.takeover.voice(act.listener, act.base64);
      return null;
    case "hand_back":
      return call.takeover.handBack(act.reason, act.note);
    case "transfer":
    case "end":
      return leave(call, act);
  }
}

function note(call: SupervisedCall, { by, text }: Of<"note">): Refusal | null {
  const { takeover } = call;
  if (!call.isWithAgent && !takeover.isModelOut) return "not_live";
  const told = prompts.supervisorNote(text);
  // A session that is opened later gets the note with the conversation.
  call.eventLog.remember(told);
  call.noteModel(told);
  call.eventLog.note("supervisor_note", { by, text });
  return null;
}

function say(call: SupervisedCall, { by, text }: Of<"say">): Refusal | null {
  // While the model is being redialled, no session could say it.
  if (!call.isTalking || call.session === null) return "not_live";
  call.ask(prompts.sayExactly(text));
  call.eventLog.note("supervisor_say", { by, text });
  return null;
}

function leave(call: SupervisedCall, act: Of<"transfer" | "end">): Refusal | null {
  const refusal = leaveRefusal(call.state, act, call.agent);
  if (refusal !== null) return refusal;
  const { by, farewell, type } = act;
  if (by !== undefined) call.eventLog.note(`supervisor_${type}`, { by });
  if (type === "end") call.leave({ kind: "end", reason: act.reason, farewell });
  else call.leave({ kind: "transfer", request: act.request, farewell });
  return null;
}
