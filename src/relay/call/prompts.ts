import type { TransferFailure, TransferRefusal } from "../../domain/transfer-request.js";
import type { CallerProfile } from "../../ports/crm.js";
import type { Disposition } from "./call-events.js";

/**
 * Everything the relay itself tells a model, in one place: these sentences are part of the product.
 */

/** @param language  that the caller speaks, when it is not the greeting's own. */
export function greeting(text: string, language: string | null): string {
  const words =
    language === null ? "exactly this" : `this in the language with the code "${language}"`;
  return (
    `The caller has just been connected. Say ${words}, nothing before and nothing after it, ` +
    `then listen: "${text}"`
  );
}

export function callerFacts(profile: CallerProfile): string {
  const lines = [
    "What is known of the caller (do not read it out; be sure who it is before you tell " +
      "anything of it):",
  ];
  if (profile.name !== null) lines.push(`Name: ${profile.name}`);
  if (profile.language !== null) lines.push(`Language: ${profile.language}`);
  if (profile.notes !== null) lines.push(`Notes: ${profile.notes}`);
  for (const { id, subject } of profile.openCases) lines.push(`Open case ${id}: ${subject}`);
  return lines.join("\n");
}

export function callContext(context: Readonly<Record<string, unknown>>): string {
  return (
    "You are the one who has called. What you are to know of this call (do not read it out): " +
    `${JSON.stringify(context)}`
  );
}

export const LEAVE_MESSAGE =
  "An answering machine has taken this call, not a person. Leave one short message: who is " +
  "calling, why, and that you will try again. Then call the tool end_call, if you have it.";

export function sayExactly(text: string): string {
  return `Say exactly this to the caller, nothing before and nothing after it: "${text}"`;
}

/** A supervisor's silent note: the model acts on it, and does not speak because of it. */
export function supervisorNote(text: string): string {
  return (
    "A note from the supervisor of this call. The caller does not hear it. Act on it, and do not " +
    `mention it: ${text}`
  );
}

/** @param note what the colleague wants the model to know; null: nothing. */
export function colleagueSpoke(by: string, seconds: number, note: string | null): string {
  return (
    `A colleague, ${by}, has just spoken to the caller in your place, for about ${seconds} ` +
    "seconds. You did not hear what was said. " +
    (note === null ? "" : `The colleague's note about it: ${note} `) +
    "The caller is with you again. Say in one short sentence that you are back, and go on helping."
  );
}

/** Their line failed: the caller may have heard nothing of them. */
export function colleagueFailed(by: string): string {
  return (
    `A colleague, ${by}, wanted to speak to the caller in your place, but their line failed. If the ` +
    "caller has heard them, you did not hear what was said. The caller is with you. Say in one " +
    "short sentence that you are there, and go on helping."
  );
}

export const GO_ON =
  "The line to the caller was interrupted for a moment. Apologise in a few words and go on " +
  "where the conversation stopped.";

export const STILL_THERE =
  "The caller has said nothing for a while. Ask in a few words, in the language you have " +
  "been speaking with them, whether they are still there. Say nothing else.";

export const TIME_NEARLY_UP =
  "This call has to end soon. Tell the caller in one short sentence that about a minute is " +
  "left, and ask what matters most to them.";

export function farewell(disposition: Disposition): string {
  if (disposition.kind === "transfer") {
    return (
      "Tell the caller in one short sentence that you are connecting them with a colleague " +
      "now. Ask nothing and say nothing else."
    );
  }
  return "Say goodbye to the caller in one short sentence. Ask nothing and say nothing else.";
}

export function inLanguage(instructions: string, language: string): string {
  return `${instructions}\n\nFrom now on speak only the language with the code "${language}".`;
}

export function callerTyped(digits: string): string {
  return `The caller typed on the keypad: ${digits}`;
}

export const KEEP_COMPANY =
  "A colleague is being called and will join this call. Tell the caller so in one short " +
  "sentence and stay with them: answer what they say, briefly, until the colleague is there. " +
  "You may be cut off without notice when the colleague joins.";

export function lateToolResult(name: string, output: string): string {
  return `Result of the tool ${name} that was called before the line was interrupted: ${output}`;
}

/** What the agent is told of a transfer that has not connected the caller. */
export function transferFailed({ destination, outcome, refusal }: TransferFailure): string {
  const why = refusal === null ? FAILED_BY[outcome] : REFUSED_BY[refusal];
  return (
    `The transfer to "${destination}" did not work: ${why} (${refusal ?? outcome}). The caller ` +
    "is back with you. Tell them, and offer to go on helping or to try something else."
  );
}

const FAILED_BY: Readonly<Record<TransferFailure["outcome"], string>> = {
  busy: "the line is busy",
  no_answer: "there was no answer",
  failed: "the call could not be put through",
  declined: "the person there cannot take the call now",
  caller_gone: "the caller had left",
  denied: "it is not allowed",
};

const REFUSED_BY: Readonly<Record<TransferRefusal, string>> = {
  destination_unknown: "there is no such destination",
  call_limit: "this call has been transferred too often already",
  destination_limit: "too many callers were transferred there within the last hour",
};
