import type { TranscriptWord } from "../domain/record-event.js";
import { PATTERN_MASK, type Redact } from "./redact.js";

/**
 * Masks words in the text that each speaker's words form together: a card number is spoken in
 * several words. Every word that a match touches is replaced by the mask.
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

/** The spans in which `after` differs from `before`: between two parts that both contain. */
function touchedSpans(before: string, after: string): [number, number][] {
  const parts = after.split(/\[card\]|\[redacted\]/);
  const spans: [number, number][] = [];
  let at = 0;
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    const found = last ? before.length - part.length : before.indexOf(part, at);
    const start = Math.max(found, at);
    if (i > 0) spans.push([at, start]);
    at = start + part.length;
  }
  return spans;
}
