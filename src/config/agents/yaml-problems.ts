/** What is wrong with a YAML text, in words that say what to do about it. */
import type { ErrorCode, YAMLError } from "yaml";

export const QUOTES =
  ". Put the text in quotes if it contains “: ” or “ #”, or begins with one of { [ @ ` % & * ! | >";

const INNER_QUOTES =
  ". Inside \"…\" write \\\" for a quotation mark; inside '…' write '' for an apostrophe";
const BELOW = ". Write the text on the lines below “|” or “>”, indented further than its key";
const KEY =
  ". Write “key: value”, with a space after the colon. Indent the lines of a text below “|” further than its key";
const COLUMNS =
  ". Begin the keys of a mapping in the same column, and indent what belongs to one further";

/** What to do about faults that a text without quotes usually causes, and about others. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  ALIAS_PROPS: QUOTES,
  BAD_ALIAS: QUOTES,
  BAD_DQ_ESCAPE: '. Inside "…" write \\\\ for a backslash',
  BAD_INDENT: COLUMNS,
  BAD_SCALAR_START: QUOTES,
  BLOCK_AS_IMPLICIT_KEY: `${QUOTES}. ${COLUMNS.slice(2)}`,
  BLOCK_IN_FLOW: QUOTES,
  MULTILINE_IMPLICIT_KEY: QUOTES,
  TAB_AS_INDENT: ". Indent with spaces",
  TAG_RESOLVE_FAILED: QUOTES,
  UNEXPECTED_TOKEN: QUOTES,
};

/** @param text  in which the parser found the fault. */
export function yamlProblem(
  error: Pick<YAMLError, "code" | "message" | "pos">,
  text: string,
): string {
  const { code, message } = error;
  const [at] = error.pos;
  switch (code) {
    case "DUPLICATE_KEY":
      return `the key ${keyAt(text, at)} is here twice: remove one`;
    case "MULTIPLE_DOCS":
      return "a second document begins here: remove the line “---”";
    case "MISSING_CHAR":
      return message + missing(message, text, at);
    case "UNEXPECTED_TOKEN":
      return message + unexpected(text, at);
    default:
      return message + (HINTS[code] ?? "");
  }
}

function missing(message: string, text: string, at: number): string {
  if (message.startsWith("Implicit map key")) return KEY;
  // The end of a text in quotes.
  if (/quote$/.test(message)) return INNER_QUOTES;
  // { [ are the beginning of a list or mapping; * and & in it, of an alias or anchor.
  return /[*&!]/.test(lineBefore(text, at)) ? QUOTES : "";
}

function unexpected(text: string, at: number): string {
  if (/[:-]\s+[|>][+-]?\d?\s+$/.test(lineBefore(text, at))) return BELOW;
  return /["']/.test(text[at - 1] ?? "") ? INNER_QUOTES : QUOTES;
}

function lineBefore(text: string, at: number): string {
  return text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
}

function keyAt(text: string, at: number): string {
  return /^[^\s:]{0,100}/.exec(text.slice(at))?.[0] ?? "";
}
