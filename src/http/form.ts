import type { Form } from "../relay/calls/callback-link.js";

/** Twilio's largest forms have about 60 fields, SIP headers and stream parameters included. */
export const MAX_FIELDS = 256;
const MAX_NAME_CHARS = 256;
/** As long as a whole body may be. The longest that Twilio sends are a few KiB. */
const MAX_VALUE_CHARS = 64 * 1024;

const NONE: Form = {};

export interface ParsedForm {
  /** Each field's first value. */
  readonly first: Form;
  /** Each field's value, or all its values where the name is repeated: a signature covers all. */
  readonly all: Readonly<Record<string, string | readonly string[]>>;
}

/**
 * The cost grows with the length of the text alone, and the limits bound it: a stranger can send
 * this before they have proved who they are.
 *
 * @returns  null when there are more fields, or longer names or values, than any that Twilio sends.
 */
export function parseForm(text: string): ParsedForm | null {
  if (text === "") return { first: NONE, all: NONE };
  const values = new Map<string, string[]>();
  let fields = 0;
  for (let at = 0; at <= text.length; ) {
    const found = text.indexOf("&", at);
    const end = found < 0 ? text.length : found;
    // An empty one counts, too: it costs a turn of this loop.
    fields += 1;
    if (fields > MAX_FIELDS) return null;
    if (end > at && !readField(text.slice(at, end), values)) return null;
    at = end + 1;
  }
  const entries = [...values];
  return {
    first: Object.fromEntries(entries.map(([name, [first = ""]]) => [name, first])),
    all: Object.fromEntries(
      entries.map(([name, list]) => [name, list.length === 1 ? (list[0] ?? "") : list]),
    ),
  };
}

function readField(field: string, values: Map<string, string[]>): boolean {
  const equals = field.indexOf("=");
  const nameEnd = equals < 0 ? field.length : equals;
  const valueFrom = Math.min(nameEnd + 1, field.length);
  // Encoded, a character takes at most nine: three bytes of UTF-8 with three characters each.
  if (nameEnd > 9 * MAX_NAME_CHARS || field.length - valueFrom > 9 * MAX_VALUE_CHARS) return false;
  const name = decoded(field.slice(0, nameEnd));
  const value = decoded(field.slice(valueFrom));
  if (name.length > MAX_NAME_CHARS || value.length > MAX_VALUE_CHARS) return false;
  const known = values.get(name);
  if (known === undefined) values.set(name, [value]);
  else known.push(value);
  return true;
}

function decoded(part: string): string {
  if (!/[%+]/.test(part)) return part;
  try {
    return decodeURIComponent(part.replaceAll("+", " "));
  } catch {
    // A bare percent sign, or bytes that are not UTF-8: kept as far as they can be read.
    return new URLSearchParams(`v=${part}`).get("v") ?? "";
  }
}
