/** Finds the destination that a model means. Pure. */
import { editDistance } from "../domain/edit-distance.js";

interface Named {
  readonly name: string;
  readonly description: string;
}

/** Names that differ by fewer edits than this share of their length are taken for typing errors. */
const TYPING_ERRORS = 0.25;

/**
 * By name, whatever the case and the punctuation; else by description; else the only one whose name
 * is contained in the text, or is a typing error away. Null: none, or more than one.
 *
 * @param asked  what the model wrote. A number never matches: destinations are chosen by name.
 */
export function matchDestination<D extends Named>(
  asked: string,
  destinations: readonly D[],
): D | null {
  const wanted = plain(asked);
  if (!/\p{L}/u.test(wanted)) return destinations.find(({ name }) => name === asked) ?? null;
  return (
    destinations.find(({ name }) => name === asked) ??
    only(destinations, ({ name }) => plain(name) === wanted) ??
    only(destinations, ({ description }) => plain(description) === wanted) ??
    only(destinations, ({ name }) => contains(wanted, plain(name))) ??
    only(destinations, ({ name }) => isTypingError(wanted, plain(name)))
  );
}

/** Letters and digits in lower case, words separated by one space. */
function plain(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

function only<D>(all: readonly D[], matches: (one: D) => boolean): D | null {
  const found = all.filter(matches);
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** "the billing department" contains "billing", and "front" is the beginning of "front desk". */
function contains(wanted: string, name: string): boolean {
  return ` ${wanted} `.includes(` ${name} `) || ` ${name} `.includes(` ${wanted} `);
}

function isTypingError(wanted: string, name: string): boolean {
  const most = Math.floor(Math.max(wanted.length, name.length) * TYPING_ERRORS);
  return (
    most > 0 && Math.abs(wanted.length - name.length) <= most && editDistance(wanted, name) <= most
  );
}
