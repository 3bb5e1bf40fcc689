/** A scanner for TypeScript: enough of it to tell code, comments, strings and patterns apart. */

export interface Token {
  readonly kind: "word" | "punctuation" | "string" | "pattern" | "comment";
  readonly text: string;
  /** From 1: where it begins. */
  readonly line: number;
}

/** After these a slash begins a pattern; after any other word it divides. */
const BEFORE_PATTERN = new Set(["return", "typeof", "case", "of", "in", "delete", "void", "await"]);
const BLANK = /\s+/y;
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const STRING = /"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'/y;
const PATTERN = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const WORD = /[#@]?[\p{L}\p{N}_$]+/uy;
const PUNCTUATION = /=>|[\s\S]/y;
/** From a backtick or the end of an insertion to the next insertion or the end. */
const TEMPLATE = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(`|\$\{)?/y;

export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  /** Per template that is open: braces open in its insertion. */
  const insertions: number[] = [];
  let at = 0;
  let line = 1;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (text === undefined || text === "") return null;
    at += text.length;
    return text;
  };
  const add = (kind: Token["kind"], text: string): void => {
    tokens.push({ kind, text, line });
    line += text.split("\n").length - 1;
  };
  const template = (start: string): void => {
    const text = take(TEMPLATE) ?? "";
    if (text.endsWith("${")) insertions.push(0);
    add("string", start + text);
  };
  while (at < source.length) {
    const blank = take(BLANK);
    if (blank !== null) {
      line += blank.split("\n").length - 1;
      continue;
    }
    const comment = take(COMMENT);
    if (comment !== null) {
      add("comment", comment);
      continue;
    }
    const string = take(STRING);
    if (string !== null) {
      add("string", string);
      continue;
    }
    const pattern = source[at] === "/" && mayBePattern(tokens) ? take(PATTERN) : null;
    if (pattern !== null) {
      add("pattern", pattern);
      continue;
    }
    const word = take(WORD);
    if (word !== null) {
      add("word", word);
      continue;
    }
    const text = take(PUNCTUATION) ?? "";
    const open = insertions.at(-1);
    if (text === "`") template(text);
    else if (text === "}" && open === 0) {
      insertions.pop();
      template(text);
    } else {
      if (open !== undefined && (text === "{" || text === "}"))
        insertions[insertions.length - 1] = open + (text === "{" ? 1 : -1);
      add("punctuation", text);
    }
  }
  return tokens;
}

function mayBePattern(tokens: readonly Token[]): boolean {
  const last = tokens.findLast(({ kind }) => kind !== "comment");
  if (last === undefined) return true;
  if (last.kind === "word") return BEFORE_PATTERN.has(last.text);
  return last.kind === "punctuation" && !/^[)\]}]$/.test(last.text);
}
