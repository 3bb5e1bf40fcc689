import type { RecordEvent } from "../domain/record-event.js";
import type { Redact } from "./redact.js";
import { redactWords } from "./redact-words.js";
import { cutText, MAX_PROGRESS_POINTS, MAX_WORDS, TEXT_LIMITS } from "./text-limits.js";

/**
 * A long text is cut to this much more than its limit before it is redacted: a match that the final
 * cut would have divided is masked as a whole.
 */
const REDACT_MARGIN = 4_096;

type Of<Type extends RecordEvent["type"]> = Extract<RecordEvent, { readonly type: Type }>;
type NoteFields = Of<"note">["fields"];

/**
 * The event as it may be stored: everything that was said, generated or typed is redacted and has a
 * limited length. Returns the same object when there was nothing to change.
 */
export function storableEvent(event: RecordEvent, redact: Redact): RecordEvent {
  const clean = (text: string, limit: number): string => storableText(text, limit, redact);
  const cleanOrNull = (text: string | null, limit: number): string | null =>
    text === null ? null : clean(text, limit);
  switch (event.type) {
    case "caller_text": {
      const text = clean(event.text, TEXT_LIMITS.turn);
      return text === event.text ? event : { ...event, text };
    }
    case "agent_text":
      return storableAgentText(event, redact);
    case "tool":
      return {
        ...event,
        name: cutText(event.name, TEXT_LIMITS.toolName),
        arguments: clean(event.arguments, TEXT_LIMITS.toolArguments),
        output: clean(event.output, TEXT_LIMITS.toolOutput),
      };
    case "transfer_requested":
      return {
        ...event,
        reason: cleanOrNull(event.reason, TEXT_LIMITS.transferReason),
        summary: cleanOrNull(event.summary, TEXT_LIMITS.transferSummary),
      };
    case "transfer_step":
      return { ...event, detail: cleanOrNull(event.detail, TEXT_LIMITS.transferDetail) };
    case "note":
      return isClean(event.fields, redact)
        ? event
        : { ...event, fields: cleanFields(event.fields, redact) };
    case "recording_transcript":
      return {
        ...event,
        transcript: clean(event.transcript, TEXT_LIMITS.transcript),
        words: redactWords(event.words.slice(0, MAX_WORDS), redact).map((word) =>
          word.word.length <= TEXT_LIMITS.word
            ? word
            : { ...word, word: cutText(word.word, TEXT_LIMITS.word) },
        ),
      };
    default:
      return event;
  }
}

function storableText(text: string, limit: number, redact: Redact): string {
  if (text.length <= limit) return redact(text);
  const clean = redact(text.slice(0, limit + REDACT_MARGIN));
  // The end may contain the beginning of a match. Masks may have made the text shorter.
  const kept = clean.slice(0, Math.max(0, clean.length - REDACT_MARGIN));
  return cutText(kept, limit, text.length);
}

function storableAgentText(event: Of<"agent_text">, redact: Redact): RecordEvent {
  const text = storableText(event.text, TEXT_LIMITS.turn, redact);
  const { progress, ...rest } = event;
  const isShort = progress === undefined || progress.length <= MAX_PROGRESS_POINTS;
  if (text === event.text && isShort) return event;
  // The progress refers to positions in the original text. Those before a cut are still right.
  const original = event.text.slice(0, TEXT_LIMITS.turn + REDACT_MARGIN);
  if (progress === undefined || redact(original) !== original) return { ...rest, text };
  return { ...rest, text, progress: thinned(progress) };
}

/** Every n-th point, and the last one. */
function thinned<Point>(points: readonly Point[]): readonly Point[] {
  if (points.length <= MAX_PROGRESS_POINTS) return points;
  const step = Math.ceil(points.length / (MAX_PROGRESS_POINTS - 1));
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
}

function isClean(fields: NoteFields, redact: Redact): boolean {
  for (const key in fields) {
    const value = fields[key];
    if (typeof value === "string" && storableText(value, TEXT_LIMITS.note, redact) !== value)
      return false;
  }
  return true;
}

function cleanFields(fields: NoteFields, redact: Redact): NoteFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === "string" ? storableText(value, TEXT_LIMITS.note, redact) : value,
    ]),
  );
}
