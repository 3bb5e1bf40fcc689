/** Suggestions for mistyped names. */

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

/** Levenshtein's: how many letters must be put in, taken out or replaced. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(change, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
