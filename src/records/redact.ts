import type { RedactSettings } from "../domain/agent-profile.js";
import type { RecordEvent, TranscriptWord } from "../domain/record-event.js";

/** Takes out of a text what must not be stored. */
export type Redact = (text: string) => string;

export const CARD_MASK = "[card]";
export const PATTERN_MASK = "[redacted]";

/** Of an agents file that says nothing of it. */
export const STANDARD_REDACT: RedactSettings = { cardNumbers: true, patterns: [] };

// Digits with single spaces, dashes or dots between them, as cards are written and as transcripts group them.
const DIGIT_RUN = /\d(?:[ \-.,]{0,2}\d){12,}/;
const DIGIT_RUNS = new RegExp(DIGIT_RUN, "g");

/** Card numbers by length and Luhn check, then the file's own patterns in order. Undefined: nothing is taken out. */
export function createRedact(settings: RedactSettings | undefined): Redact {
  const patterns = (settings?.patterns ?? []).map((source) => new RegExp(source, "giu"));
  const cardNumbers = settings?.cardNumbers ?? false;
  return (text) => {
    // Most texts have none, and are through sooner this way.
    let clean = cardNumbers && DIGIT_RUN.test(text) ? text.replace(DIGIT_RUNS, maskCards) : text;
    for (const pattern of patterns) clean = clean.replace(pattern, PATTERN_MASK);
    return clean;
  };
}

/** The run may hold more than the card: an order number before it, an expiry date after it. */
function maskCards(run: string): string {
  const places: number[] = [];
  for (let i = 0; i < run.length; i++) if (isDigit(run.charCodeAt(i))) places.push(i);
  let masked = "";
  let kept = 0;
  for (let from = 0; from + 13 <= places.length; ) {
    const length = cardLengthAt(run, places, from);
    if (length === 0) {
      from += 1;
      continue;
    }
    masked += run.slice(kept, places[from]) + CARD_MASK;
    kept = places[from + length - 1]! + 1;
    from += length;
  }
  return masked + run.slice(kept);
}

/** The longest card number that begins at the digit `from`; 0 when none does. It begins and ends where a group of digits does. */
function cardLengthAt(run: string, places: readonly number[], from: number): number {
  if (from > 0 && places[from - 1] === places[from]! - 1) return 0;
  for (const length of lengthsOf(run, places, from)) {
    const end = from + length;
    if (end > places.length) continue;
    if (end < places.length && places[end] === places[end - 1]! + 1) continue;
    if (passesLuhn(run, places, from, length)) return length;
  }
  return 0;
}

/** Longest first, by what the networks issue: 2–6 of 16 digits, 4 and 6 also of 19, old Visa 13, Amex 15, Diners 14. */
function lengthsOf(run: string, places: readonly number[], from: number): readonly number[] {
  switch (run.charCodeAt(places[from]!) - 48) {
    case 4:
      return [19, 16, 13];
    case 6:
      return [19, 16];
    case 3:
      return [16, 15, 14];
    case 2:
    case 5:
      return [16];
    default:
      return [];
  }
}

/** ISO/IEC 7812-1, annex B. */
function passesLuhn(run: string, places: readonly number[], from: number, length: number): boolean {
  let sum = 0;
  for (let i = 0; i < length; i++) {
    const digit = run.charCodeAt(places[from + length - 1 - i]!) - 48;
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/**
 * The event as it may be stored: everything that was said, generated or typed has been cleaned. It is the same event where there was
 * nothing to be taken out.
 */
export function redactEvent(event: RecordEvent, redact: Redact): RecordEvent {
  switch (event.type) {
    case "caller_text": {
      const text = redact(event.text);
      return text === event.text ? event : { ...event, text };
    }
    case "agent_text": {
      const text = redact(event.text);
      if (text === event.text) return event;
      // Its places are those of another text.
      const { progress: _, ...rest } = event;
      return { ...rest, text };
    }
    case "tool":
      return { ...event, arguments: redact(event.arguments), output: redact(event.output) };
    case "transfer_requested":
      return {
        ...event,
        reason: orNull(event.reason, redact),
        summary: orNull(event.summary, redact),
      };
    case "transfer_step":
      return { ...event, detail: orNull(event.detail, redact) };
    case "note":
      return isClean(event.fields, redact)
        ? event
        : { ...event, fields: cleaned(event.fields, redact) };
    case "recording_transcript":
      return {
        ...event,
        transcript: redact(event.transcript),
        words: redactWords(event.words, redact),
      };
    default:
      return event;
  }
}

type NoteFields = (RecordEvent & { readonly type: "note" })["fields"];

function isClean(fields: NoteFields, redact: Redact): boolean {
  for (const key in fields) {
    const value = fields[key];
    if (typeof value === "string" && redact(value) !== value) return false;
  }
  return true;
}

function cleaned(fields: NoteFields, redact: Redact): NoteFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === "string" ? redact(value) : value,
    ]),
  );
}

function orNull(text: string | null, redact: Redact): string | null {
  return text === null ? null : redact(text);
}

/**
 * Cleans words as the text that they make together, each speaker's apart: a card number is spoken in several words. Every word that
 * a match touches becomes the mask.
 */
export function redactWords(
  words: readonly TranscriptWord[],
  redact: Redact,
): readonly TranscriptWord[] {
  const clean = words.slice();
  for (const who of ["caller", "agent", "unknown"] as const) {
    const own = [...words.entries()].filter(([, word]) => word.who === who);
    const text = own.map(([, word]) => word.word.trim()).join(" ");
    const redacted = redact(text);
    if (redacted === text) continue;
    const touched = touchedSpans(text, redacted);
    let start = 0;
    for (const [i, word] of own) {
      const end = start + word.word.trim().length;
      if (touched.some(([from, to]) => from < end && to > start)) {
        clean[i] = { ...word, word: PATTERN_MASK };
      }
      start = end + 1;
    }
  }
  return clean;
}

/** Where `after` differs from `before`: the text between two pieces that both have. */
function touchedSpans(before: string, after: string): [number, number][] {
  const pieces = after.split(/\[card\]|\[redacted\]/);
  const spans: [number, number][] = [];
  let at = 0;
  for (const [i, piece] of pieces.entries()) {
    const last = i === pieces.length - 1;
    const found = last ? before.length - piece.length : before.indexOf(piece, at);
    const start = Math.max(found, at);
    if (i > 0) spans.push([at, start]);
    at = start + piece.length;
  }
  return spans;
}
