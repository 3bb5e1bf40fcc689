/**
 * Twilio's limits on documents. Source: TwiML reference, `<Say>` (4,096 characters) and
 * `<Parameter>` (name and value under 500); REST reference, calls, `twiml` (4,000).
 */
import { shortened } from "../domain/shortened.js";
import type { Twiml, TwimlVerb } from "./twiml.js";

/** Of one spoken text. */
export const MAX_SAY_CHARS = 4_000;
/** Of a whole document, rendered, that goes by REST. */
export const MAX_REST_CHARS = 4_000;
/** Of the name and the value of one `<Parameter>` together. */
const MAX_PARAMETER_CHARS = 499;

/**
 * Values cut to what a `<Parameter>` holds. A value that is signed has to be cut before it is
 * signed: what comes back is the cut one.
 */
export function fittedParameters<Name extends string>(
  parameters: Readonly<Record<Name, string>>,
): Record<Name, string> {
  return Object.fromEntries(
    Object.entries<string>(parameters).map(([name, value]) => [
      name,
      value.slice(0, Math.max(0, MAX_PARAMETER_CHARS - name.length)),
    ]),
  ) as Record<Name, string>;
}

/** Every spoken text cut, visibly, to so many characters. */
export function withShortSpeech(twiml: Twiml, chars: number): Twiml {
  return twiml.map((verb): TwimlVerb => {
    switch (verb.verb) {
      case "say":
        return { ...verb, text: shortened(verb.text, chars) };
      case "gather":
        return {
          ...verb,
          prompts: verb.prompts.map((prompt) => ({
            ...prompt,
            text: shortened(prompt.text, chars),
          })),
        };
      default:
        return verb;
    }
  });
}

/**
 * The document with its spoken texts as long as a limit on the whole allows.
 *
 * @param render  the document as text.
 * @returns       a text of at most `maxChars` characters; null: the document is too long even
 *                without a word.
 */
export function renderWithin(
  twiml: Twiml,
  maxChars: number,
  render: (twiml: Twiml) => string,
): string | null {
  const whole = render(twiml);
  if (whole.length <= maxChars) return whole;
  let fits: string | null = null;
  let [least, most] = [1, maxChars];
  while (least <= most) {
    const middle = (least + most) >> 1;
    const text = render(withShortSpeech(twiml, middle));
    if (text.length <= maxChars) {
      fits = text;
      least = middle + 1;
    } else most = middle - 1;
  }
  return fits;
}
