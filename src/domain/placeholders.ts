import { RelayError } from "./errors.js";

/**
 * Placeholders in the texts of an agent: `{{date}}`, `{{caller.name}}`. The agents file is checked
 * with them, and a call fills them in.
 */

/** What a placeholder may be called, besides `caller.FIELD`. */
export const PLACEHOLDERS = ["date", "time", "weekday", "caller_number"] as const;
export type PlaceholderName = (typeof PLACEHOLDERS)[number];

export type Placeholder =
  | { readonly kind: PlaceholderName }
  /** A field of the answer of `crm.caller_lookup`. */
  | { readonly kind: "caller"; readonly field: string };

/** Spaces before a placeholder belong to it: they go when its value is empty. */
const PLACEHOLDER = /([ \t]*)\{\{\s*([^{}]*?)\s*\}\}/g;
const CALLER_FIELD = /^caller\.([A-Za-z0-9_-]{1,64})$/;

/** @returns  the placeholder of that name, or null when there is none. */
export function readPlaceholder(name: string): Placeholder | null {
  const known = PLACEHOLDERS.find((placeholder) => placeholder === name);
  if (known !== undefined) return { kind: known };
  const field = CALLER_FIELD.exec(name)?.[1];
  return field === undefined ? null : { kind: "caller", field };
}

/** Names between double braces in the order of the text, known or not. */
export function placeholdersIn(text: string): readonly string[] {
  return [...text.matchAll(PLACEHOLDER)].map((match) => match[2] ?? "");
}

/** True when the text names a field of the caller look-up. */
export function needsCaller(text: string): boolean {
  return placeholdersIn(text).some((name) => readPlaceholder(name)?.kind === "caller");
}

/**
 * Replaces every placeholder. Where a value is empty, the spaces before its placeholder go as well:
 * "Hello {{caller.name}}, …" becomes "Hello, …".
 *
 * @throws RelayError internal for an unknown placeholder, which the check of the agents file
 * refuses.
 */
export function fillPlaceholders(text: string, fill: (placeholder: Placeholder) => string): string {
  return text.replace(PLACEHOLDER, (_, spaces: string, name: string) => {
    const placeholder = readPlaceholder(name);
    if (placeholder === null)
      throw new RelayError("internal", `the placeholder {{${name}}} passed the checks`);
    const value = fill(placeholder);
    return value === "" ? "" : spaces + value;
  });
}
