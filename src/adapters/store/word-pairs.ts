/**
 * PostgreSQL's index knows which words a call has, not their order: to find a phrase of frequent
 * words it would read the words of most calls. So each two words that follow each other are in the
 * index, too, as a short text that is no word.
 */

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** Calls that have another pair with the same hash are looked at in vain: one of 50,000. */
const HASH_MASK = 0xffffff;
const HASH_DIGITS = 36;

/** Each pair once. Words have no underscore. */
export function wordPairs(words: readonly string[]): readonly string[] {
  const pairs = new Set<string>();
  for (let i = 1; i < words.length; i++) pairs.add(pairOf(words[i - 1] ?? "", words[i] ?? ""));
  return [...pairs];
}

function pairOf(first: string, second: string): string {
  // FNV-1a of both words, with a space between them.
  let hash = hashOf(FNV_OFFSET, first);
  hash = Math.imul(hash ^ 0x20, FNV_PRIME);
  hash = hashOf(hash, second);
  return `_${((hash ^ (hash >>> 24)) & HASH_MASK).toString(HASH_DIGITS)}`;
}

function hashOf(start: number, text: string): number {
  let hash = start;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash;
}
