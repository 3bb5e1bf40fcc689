/**
 * Arguments of the tools that end a conversation. The farewell has been said when they are called,
 * so they are never refused over their form (contract, O6): what is too long is cut, what is of
 * another type is read as well as it can be.
 */
import type { Urgency } from "../domain/agent-profile.js";
import { shortened } from "../domain/shortened.js";
import type { ToolArguments } from "./tool.js";

/**
 * An object as it is. A text, or the first text of a list, stands for the argument that matters
 * most; so does that argument's value in text that is not JSON, for example because the model was
 * cut off.
 *
 * @param value  undefined: the text is not JSON.
 */
export function readLenient(value: unknown, text: string, main: string): ToolArguments {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as ToolArguments;
  if (Array.isArray(value)) {
    const first: unknown = value[0];
    return typeof first === "object" ? readLenient(first, text, main) : { [main]: first };
  }
  if (value !== undefined && value !== null) return { [main]: value };
  const pattern = new RegExp(`"${main}"\\s*:\\s*"((?:[^"\\\\]|\\\\.)*)"`);
  const found = value === null ? null : pattern.exec(text)?.[1];
  return found == null ? {} : { [main]: found };
}

/** At most `chars` characters, visibly cut. Null: nothing is said. */
export function lenientText(value: unknown, chars: number): string | null {
  const text = plainText(value).trim();
  return text === "" ? null : shortened(text, chars);
}

function plainText(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "boolean":
      return String(value);
    case "object":
      if (value === null) return "";
      return Array.isArray(value)
        ? value.map(plainText).filter(Boolean).join("; ")
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
