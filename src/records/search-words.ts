/**
 * Words as they are searched for: the same on every database, because both sides of a search pass
 * through these functions.
 */

/** Scripts without spaces: each character counts as a word, and several of them as a phrase. */
const UNSPACED = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}";
const TOKENS = new RegExp(`[${UNSPACED}]|[[\\p{L}\\p{N}]--[${UNSPACED}]]+`, "gv");
/** A longer "word" is not one that a person searches for. PostgreSQL takes at most 2,046 bytes. */
const MAX_WORD_CHARS = 64;

/** The words of a text in lower case and without accents. */
export function searchableWords(text: string): readonly string[] {
  // Most texts are ASCII, for which this takes a third of the time.
  const words = /^\p{ASCII}*$/u.test(text)
    ? text.toLowerCase().match(/[a-z0-9]+/g)
    : text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().match(TOKENS);
  return (words ?? []).map((word) => word.slice(0, MAX_WORD_CHARS));
}

export interface SearchTerm {
  /** In this order, one after the other. */
  readonly words: readonly string[];
  /** The last word may be the beginning of a longer one. */
  readonly isPrefix: boolean;
}

/** What a person typed into a search field. A call matches when every part that is set matches. */
export interface SearchText {
  readonly terms: readonly SearchTerm[];
  /** The beginning of a call's SID. */
  readonly callSid: string | null;
  /** Digits that one of the call's numbers contains; the terms are an alternative to them. */
  readonly digits: string | null;
}

/** Fewer digits are in too many numbers. */
const MIN_DIGITS = 3;
const MAX_TERMS = 16;
/** With one letter nearly all words begin. */
const MIN_PREFIX_CHARS = 2;

/**
 * Reads a search: words (each may be the beginning of one), "phrases in quotes", a CallSid or its
 * beginning, or a phone number or a part of it.
 */
export function parseSearch(text: string): SearchText {
  const trimmed = text.trim();
  if (/^(?:CA[0-9a-f]{2,32}|rtc_[\w-]{1,100})$/.test(trimmed))
    return { terms: [], callSid: trimmed, digits: null };
  const digits = /^\+?[\d ().-]+$/.test(trimmed) ? trimmed.replace(/\D/g, "") : "";
  return {
    terms: termsOf(trimmed).slice(0, MAX_TERMS),
    callSid: null,
    digits: digits.length >= MIN_DIGITS ? digits : null,
  };
}

function termsOf(text: string): SearchTerm[] {
  const terms: SearchTerm[] = [];
  for (const [part, phrase] of text.matchAll(/"([^"]*)"?|[^\s"]+/g)) {
    const words = searchableWords(phrase ?? part);
    const last = words.at(-1);
    if (last === undefined) continue;
    terms.push({ words, isPrefix: phrase === undefined && last.length >= MIN_PREFIX_CHARS });
  }
  return terms;
}
