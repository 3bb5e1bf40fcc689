import type { CallParties } from "../../domain/call-parties.js";
import type { HistoryItem } from "../model/model-session.js";
import type { CallEventLog } from "./call-event-log.js";
import type { CallLanguage } from "./call-language.js";
import type { Greeting } from "./greeting.js";
import type { ReplyWatch } from "./reply-watch.js";

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

/** The parts of a call that know what is handed over. */
export interface HandoffParts {
  readonly parties: CallParties;
  readonly eventLog: CallEventLog;
  readonly greeting: Greeting;
  readonly reply: ReplyWatch;
}

export function handoffOf(
  call: HandoffParts,
  language: CallLanguage,
  returning: boolean,
): CallHandoff {
  return {
    returning,
    history: call.eventLog.history(),
    replyPending: call.reply.isOwed,
    facts: call.greeting.facts,
    language: language.current,
    caller: language.callerFields,
    callToken: call.parties.callToken,
  };
}

/** A new call takes it over. Its state, where the caller comes back, is the caller's own affair. */
export function takeOver(call: HandoffParts, language: CallLanguage, handoff: CallHandoff): void {
  call.greeting.restoreFacts(handoff.facts);
  language.restore(handoff.caller ?? {}, handoff.language);
  if (!handoff.returning) return;
  call.eventLog.restoreHistory(handoff.history);
  call.reply.restore(handoff.replyPending);
  call.greeting.skip();
}
