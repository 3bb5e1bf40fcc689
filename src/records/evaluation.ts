import type { CallRecord } from "../domain/call-record.js";
import type { CallReview } from "../domain/call-review.js";

/** A turn of the conversation, as tools for evaluation read it. */
interface Message {
  readonly role: "user" | "assistant" | "tool";
  readonly atMs: number | null;
  readonly content: string | null;
  /** What the caller heard of an assistant's message; absent where that is all of it. */
  readonly heard?: string | null;
  readonly interrupted?: true;
  readonly name?: string;
  readonly arguments?: string;
  readonly outcome?: string;
  readonly voiceToVoiceMs?: number;
}

/**
 * One call as a case for evaluation: the conversation with its tools in the order in which it
 * happened, how it ended, and what people said of it.
 */
export function evaluationCase(record: CallRecord, review: CallReview) {
  const { startedAt, endedAt, transfer } = record;
  const durationMs =
    startedAt === null || endedAt === null ? null : Date.parse(endedAt) - Date.parse(startedAt);
  return {
    callSid: record.callSid,
    agent: record.agent,
    direction: record.direction,
    startedAt,
    durationMs,
    outcome: record.outcome,
    endReason: record.endReason,
    transfer:
      transfer === null
        ? null
        : {
            destination: transfer.destination,
            reason: transfer.reason,
            summary: transfer.summary,
            outcome: transfer.outcome,
          },
    costUsd: record.costUsd,
    messages: messagesOf(record),
    review,
  };
}

function messagesOf({ turns, tools }: CallRecord): readonly Message[] {
  const spoken = turns.map((turn): Message => {
    const { who, text, heardText, startedMs, interruptedAtMs, voiceToVoiceMs } = turn;
    return {
      role: who === "agent" ? "assistant" : "user",
      atMs: startedMs,
      content: text,
      ...(who === "agent" && heardText !== text ? { heard: heardText } : {}),
      ...(interruptedAtMs === null ? {} : { interrupted: true }),
      ...(voiceToVoiceMs === null ? {} : { voiceToVoiceMs }),
    };
  });
  const used = tools.map(
    ({ name, atMs, arguments: given, output, outcome }): Message => ({
      role: "tool",
      atMs,
      content: output,
      name,
      arguments: given,
      outcome,
    }),
  );
  // What was never played has no time: it stays behind the message before it.
  let lastMs = 0;
  const placed = spoken.map((message) => {
    lastMs = message.atMs ?? lastMs;
    return { message, atMs: lastMs };
  });
  return [...placed, ...used.map((message) => ({ message, atMs: message.atMs ?? 0 }))]
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ message }) => message);
}
