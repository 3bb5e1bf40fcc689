/** Suggestions for mistyped names. */
import { editDistance } from "../domain/edit-distance.js";

/** The name that `text` was probably meant to be; null when none is close. Case does not count. */
export function nearest(text: string, known: readonly string[]): string | null {
  const typed = text.toLowerCase();
  let best: string | null = null;
  // A third of the letters may be wrong, but never all of them.
  let bestDistance = Math.min(Math.max(1, text.length / 3), text.length - 1);
  for (const word of known) {
    const distance = editDistance(typed, word.toLowerCase());
    if (distance > bestDistance || (best !== null && distance === bestDistance)) continue;
    best = word;
    bestDistance = distance;
  }
  return best;
}

/** " (did you mean …?)", or "" when nothing is close. */
export function didYouMean(text: string, known: readonly string[]): string {
  const word = nearest(text, known);
  return word === null ? "" : ` (did you mean ${word}?)`;
}
