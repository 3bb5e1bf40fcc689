/**
 * Keeps TwiML that goes by REST within Twilio's 4,000 characters. Source: Twilio REST, calls,
 * `twiml`.
 */
import type { Twiml } from "../wire/twiml.js";

/**
 * Below Twilio's 4,000 by what the estimate may miss: the XML declaration and the `<Response>`
 * around it all.
 */
const BUDGET_CHARS = 3_800;
const CUT = " …";

/**
 * An upper bound of the document's length: element and attribute names are counted generously,
 * texts as escaped.
 */
export function twimlChars(twiml: Twiml): number {
  return charsOf(twiml);
}

function charsOf(value: unknown): number {
  if (typeof value === "string") return escapedChars(value);
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + charsOf(item) + 24, 0);
  if (typeof value === "object" && value !== null) {
    if ("attributes" in value) {
      // A task's attributes become JSON text.
      const { attributes, ...rest } = value;
      return escapedChars(JSON.stringify(attributes)) + charsOf(rest);
    }
    let sum = 24;
    for (const [name, item] of Object.entries(value)) sum += name.length + 16 + charsOf(item);
    return sum;
  }
  return String(value).length;
}

function escapedChars(text: string): number {
  let sum = text.length;
  for (const character of text) {
    if (character === '"' || character === "'") sum += 5;
    else if (character === "&" || character === "\n" || character === "\r" || character === "\t")
      sum += 4;
    else if (character === "<" || character === ">") sum += 3;
  }
  return sum;
}

/**
 * Builds the document with as much of a text as fits.
 *
 * @param text   may be cut, visibly.
 * @param build  the document with that text in it.
 */
export function fitted(text: string, build: (text: string) => Twiml): Twiml {
  const whole = build(text);
  if (twimlChars(whole) <= BUDGET_CHARS) return whole;
  const characters = [...text];
  let [fits, tooLong] = [0, characters.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (twimlChars(build(characters.slice(0, middle).join("") + CUT)) <= BUDGET_CHARS)
      fits = middle;
    else tooLong = middle;
  }
  return build(characters.slice(0, fits).join("") + CUT);
}
