/**
 * Arguments of the tools that end a conversation. The farewell has been said when they are called,
 * so they are never refused over their form (promise O6): what is too long is cut, what is of
 * another type is read as well as it can be.
 */
import type { Urgency } from "../domain/agent-profile.js";
import { shortened } from "../domain/shortened.js";
import type { ToolArguments } from "./tool.js";

/** A model that writes a list inside of another one does so a few times. */
const MAX_LISTS = 8;

/**
 * An object as it is. A text, or the first text of a list, stands for the argument that matters
 * most; so does that argument's value in text that is not JSON, for example because the model was
 * cut off.
 *
 * @param given  undefined: the text is not JSON.
 */
export function readLenient(given: unknown, text: string, main: string): ToolArguments {
  let value = given;
  for (let lists = 0; Array.isArray(value) && lists < MAX_LISTS; lists++) value = value[0];
  if (Array.isArray(value)) return {};
  if (typeof value === "object" && value !== null) return value as ToolArguments;
  if (value !== undefined && value !== null) return { [main]: value };
  const pattern = new RegExp(`"${main}"\\s*:\\s*"((?:[^"\\\\]|\\\\.)*)"`);
  const found = given === undefined ? pattern.exec(text)?.[1] : null;
  return found == null ? {} : { [main]: found };
}

/** At most `chars` characters, visibly cut. Null: nothing is said. */
export function lenientText(value: unknown, chars: number): string | null {
  const text = plainText(value).trim();
  return text === "" ? null : shortened(text, chars);
}

/** Empty where values are nested deeper than the stack is. */
function plainText(value: unknown): string {
  try {
    return textOf(value);
  } catch {
    return "";
  }
}

function textOf(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "boolean":
      return String(value);
    case "object":
      if (value === null) return "";
      return Array.isArray(value)
        ? value.map(textOf).filter(Boolean).join("; ")
        : // From JSON, so it is JSON.
          JSON.stringify(value);
    default:
      return "";
  }
}

const URGENCIES: ReadonlyMap<string, Urgency> = new Map<string, Urgency>([
  ...[
    "high",
    "highest",
    "urgent",
    "very urgent",
    "critical",
    "emergency",
    "severe",
    "asap",
    "p0",
    "p1",
  ].map((word): [string, Urgency] => [word, "high"]),
  ...["medium", "normal", "moderate", "standard", "default", "p2"].map(
    (word): [string, Urgency] => [word, "medium"],
  ),
  ...["low", "lowest", "minor", "not urgent", "none", "p3", "p4", "p5"].map(
    (word): [string, Urgency] => [word, "low"],
  ),
]);

/** Null: not said, or not understood. */
export function lenientUrgency(value: unknown): Urgency | null {
  const word = plainText(value)
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, " ");
  return URGENCIES.get(word) ?? null;
}
