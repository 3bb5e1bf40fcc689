import fc from "fast-check";

const SURROGATES = { first: 0xd800, count: 0x800 };

/**
 * Each character that Unicode allows, as fast-check's own unit "binary" generates them, which
 * however makes a table of all 1.1 million in each process first.
 */
export const anyCharacter: fc.Arbitrary<string> = fc
  .nat({ max: 0x10ffff - SURROGATES.count })
  .map(characterAt, placeOf);

function characterAt(place: number): string {
  return String.fromCodePoint(place < SURROGATES.first ? place : place + SURROGATES.count);
}

/** @throws TypeError when it is no such character. */
function placeOf(value: unknown): number {
  const [character = "", ...more] = typeof value === "string" ? value : "";
  const code = character.codePointAt(0);
  if (code === undefined || more.length > 0) throw new TypeError("not one character");
  const place = code < SURROGATES.first ? code : code - SURROGATES.count;
  if (characterAt(place) !== value) throw new TypeError("half a character");
  return place;
}
