/** At most `chars` characters, visibly cut. The halves of a surrogate pair stay together. */
export function shortened(text: string, chars: number): string {
  if (text.length <= chars) return text;
  // Enough code units for one character too many, so that a text of megabytes is not taken apart.
  const characters = [...text.slice(0, 2 * chars + 2)];
  return characters.length <= chars ? text : `${characters.slice(0, chars - 1).join("")}…`;
}
