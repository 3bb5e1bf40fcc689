/**
 * PostgreSQL's index knows which words a call has, not their order: to find a phrase of frequent
 * words it would read the words of most calls. So each two words that follow each other are in the
 * index, too, as a short text that is no word.
 */

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/**
 * The text of a pair has three digits of base 36. Few different texts make a small index. Of 1,000
 * calls with 250 pairs, five have one pair in common with a phrase only by its text: their words
 * are looked at in vain.
 */
const DIGITS = 36;
const TEXTS = DIGITS ** 3;

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
  return `_${(mixed(hash) % TEXTS).toString(DIGITS)}`;
}

function hashOf(start: number, text: string): number {
  let hash = start;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash;
}

/** FNV-1a changes few bits for texts that differ in their end. As MurmurHash3 ends. */
function mixed(hash: number): number {
  let bits = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
