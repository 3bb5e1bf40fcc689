/** Which words of two texts are the same, roughly. Pure. */

/** Words that say nothing about a subject. */
const STOP_WORDS = new Set(
  (
    "about and any are ask before but call can could did does first for from get has have hello " +
    "hey her him his how its just like may mine more need not now number our out please say " +
    "she some tell than that the their them then there they this use want was were what when " +
    "where which who will with would you your"
  ).split(" "),
);

/** Distinct words of at least three letters, in lower case, without the usual endings. */
export function wordsOf(text: string): ReadonlySet<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [];
  return new Set(words.filter((word) => !STOP_WORDS.has(word)).map(stemOf));
}

function stemOf(word: string): string {
  return word.length > 4 ? word.replace(/(?:ing|ed|s)$/, "").replace(/e$/, "") : word;
}
