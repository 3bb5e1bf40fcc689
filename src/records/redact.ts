import type { RedactSettings } from "../domain/agent-profile.js";

/** Masks the parts of a text that must not be stored. */
export type Redact = (text: string) => string;

export const CARD_MASK = "[card]";
export const PATTERN_MASK = "[redacted]";

/** Used when the agents file has no `redact`. */
export const STANDARD_REDACT: RedactSettings = { cardNumbers: true, patterns: [] };

// Digits with up to two separators between them, as cards are written and as transcripts group
// them.
const DIGIT_RUN = /\d(?:[ \-.,]{0,2}\d){12,}/;
const DIGIT_RUNS = new RegExp(DIGIT_RUN, "g");

/**
 * Masks card numbers, found by length and Luhn check, and then what the agents file's own patterns
 * match. Undefined: masks nothing.
 */
export function createRedact(settings: RedactSettings | undefined): Redact {
  const patterns = (settings?.patterns ?? []).map((source) => new RegExp(source, "giu"));
  const cardNumbers = settings?.cardNumbers ?? false;
  return (text) => {
    // Most texts contain no card number, and `test` is cheaper than `replace`.
    let clean = cardNumbers && DIGIT_RUN.test(text) ? text.replace(DIGIT_RUNS, maskCards) : text;
    for (const pattern of patterns) clean = clean.replace(pattern, PATTERN_MASK);
    return clean;
  };
}

/** The run may contain more than the card: an order number before it, an expiry date after it. */
function maskCards(run: string): string {
  const positions: number[] = [];
  for (let i = 0; i < run.length; i++) if (isDigit(run.charCodeAt(i))) positions.push(i);
  let masked = "";
  let kept = 0;
  for (let from = 0; from + 13 <= positions.length; ) {
    const length = cardLengthAt(run, positions, from);
    if (length === 0) {
      from += 1;
      continue;
    }
    masked += run.slice(kept, positions[from]) + CARD_MASK;
    kept = positions[from + length - 1]! + 1;
    from += length;
  }
  return masked + run.slice(kept);
}

/**
 * The length of the longest card number that begins at the digit `from`; 0 when none does. A card
 * number begins and ends where a group of digits does.
 */
function cardLengthAt(run: string, positions: readonly number[], from: number): number {
  if (from > 0 && positions[from - 1] === positions[from]! - 1) return 0;
  for (const length of lengthsOf(run, positions, from)) {
    const end = from + length;
    if (end > positions.length) continue;
    if (end < positions.length && positions[end] === positions[end - 1]! + 1) continue;
    if (passesLuhn(run, positions, from, length)) return length;
  }
  return 0;
}

/**
 * Possible lengths by first digit, longest first: 16 digits for 2 to 6, also 19 for 4 and 6, 13 for
 * old Visa, 15 for Amex, 14 for Diners.
 */
function lengthsOf(run: string, positions: readonly number[], from: number): readonly number[] {
  switch (run.charCodeAt(positions[from]!) - 48) {
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
function passesLuhn(
  run: string,
  positions: readonly number[],
  from: number,
  length: number,
): boolean {
  let sum = 0;
  for (let i = 0; i < length; i++) {
    const digit = run.charCodeAt(positions[from + length - 1 - i]!) - 48;
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
