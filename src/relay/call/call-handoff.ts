import type { CallParties } from "../../domain/call-parties.js";
import type { CallHandoff } from "./call-command.js";
import type { CallEventLog } from "./call-event-log.js";
import type { CallLanguage } from "./call-language.js";
import type { Greeting } from "./greeting.js";
import type { ReplyWatch } from "./reply-watch.js";

/** The parts of a call that hold what is handed over to another process. */
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

/** A new call takes over what the former process knew. `Call` sets its own state. */
export function takeOver(call: HandoffParts, language: CallLanguage, handoff: CallHandoff): void {
  call.greeting.restoreFacts(handoff.facts);
  language.restore(handoff.caller ?? {}, handoff.language);
  if (!handoff.returning) return;
  call.eventLog.restoreHistory(handoff.history);
  call.reply.restore(handoff.replyPending);
  call.greeting.skip();
}
