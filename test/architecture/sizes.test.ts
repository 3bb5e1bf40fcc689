/** No file over 400 lines and no function over 100: beyond that a second idea is in it. */
import { describe, expect, it } from "vitest";
import { projectSources, type Source } from "./sources.js";
import { type Token, tokensOf } from "./tokens.js";

const FILE_LINES = 400;
const FUNCTION_LINES = 100;
/** A bracket behind one of these is a statement's, not a function's. */
const STATEMENTS = new Set(["if", "for", "while", "switch", "catch", "with", "await"]);
const OPENING = /^[([{]$/;
const CLOSING = /^[)\]}]$/;
/** After these a brace in a return type opens a type; after anything else, the body. */
const IN_TYPE = /^(?:[:|&<,?([]|=>|extends|is|keyof|readonly|infer)$/;

function sizeFaults({ path, text }: Source): string[] {
  const lines = text.replace(/\n$/, "").split("\n").length;
  const file = lines > FILE_LINES ? [`${path} has ${lines} lines`] : [];
  const functions = functionsOf(text)
    .filter(({ from, to }) => to - from + 1 > FUNCTION_LINES)
    .map(({ from, to }) => `${path}:${from} has a function of ${to - from + 1} lines`);
  return [...file, ...functions];
}

/** First and last line of each function, method and arrow function, from its parameters on. */
function functionsOf(text: string): { readonly from: number; readonly to: number }[] {
  const tokens = tokensOf(text).filter(({ kind }) => kind !== "comment");
  const partner = partners(tokens);
  const found: { from: number; to: number }[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "punctuation") continue;
    if (token.text === "(") {
      const body = bodyAfter(tokens, partner, index);
      if (body !== null) found.push({ from: token.line, to: lineOf(tokens, partner.get(body)) });
    } else if (token.text === "=>") {
      found.push({
        from: tokens[headOf(tokens, partner, index)]!.line,
        to: lineOf(tokens, expressionEnd(tokens, partner, index + 1)),
      });
    }
  }
  return found;
}

/** Brackets by each other's index. */
function partners(tokens: readonly Token[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const open: number[] = [];
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind !== "punctuation") continue;
    if (OPENING.test(text)) open.push(index);
    else if (CLOSING.test(text)) {
      const start = open.pop();
      if (start === undefined) continue;
      found.set(start, index);
      found.set(index, start);
    }
  }
  return found;
}

/** The brace of the body that follows parameters; null: these are no parameters. */
function bodyAfter(
  tokens: readonly Token[],
  partner: ReadonlyMap<number, number>,
  open: number,
): number | null {
  if (STATEMENTS.has(tokens[open - 1]?.text ?? "")) return null;
  let at = (partner.get(open) ?? tokens.length) + 1;
  if (tokens[at]?.text === "{") return at;
  if (tokens[at]?.text !== ":") return null;
  for (at++; at < tokens.length; at++) {
    const { kind, text } = tokens[at]!;
    if (kind !== "punctuation") continue;
    if (text === "{" && !IN_TYPE.test(tokens[at - 1]!.text)) return at;
    if (OPENING.test(text)) at = partner.get(at) ?? tokens.length;
    else if (text === "=>" && isTypesArrow(tokens, partner, at)) continue;
    // An arrow function is measured from its arrow.
    else if (/^[;,=)\]}]$|^=>$/.test(text)) return null;
  }
  return null;
}

/** The arrow of a function's type: its parameters are where a type begins. */
function isTypesArrow(
  tokens: readonly Token[],
  partner: ReadonlyMap<number, number>,
  arrow: number,
): boolean {
  const open = tokens[arrow - 1]?.text === ")" ? partner.get(arrow - 1) : undefined;
  return open !== undefined && IN_TYPE.test(tokens[open - 1]?.text ?? "");
}

function headOf(
  tokens: readonly Token[],
  partner: ReadonlyMap<number, number>,
  arrow: number,
): number {
  return tokens[arrow - 1]?.text === ")" ? (partner.get(arrow - 1) ?? arrow) : arrow;
}

function expressionEnd(
  tokens: readonly Token[],
  partner: ReadonlyMap<number, number>,
  start: number,
): number {
  if (tokens[start]?.text === "{") return partner.get(start) ?? start;
  let at = start;
  for (; at < tokens.length; at++) {
    const { kind, text } = tokens[at]!;
    if (kind !== "punctuation") continue;
    // The result of a function's type, behind which a body begins.
    if (text === "{" && at > start && /[\w>\]]$/.test(tokens[at - 1]!.text)) break;
    if (OPENING.test(text)) at = partner.get(at) ?? tokens.length;
    else if (CLOSING.test(text) || text === "," || text === ";") break;
  }
  return at - 1;
}

function lineOf(tokens: readonly Token[], index: number | undefined): number {
  return (tokens[index ?? tokens.length - 1] ?? tokens.at(-1))?.line ?? 0;
}

describe("sizes", () => {
  it("are kept by every source", () => {
    const files = projectSources(["src", "sim", "demo", "dev", "bench"], /\.(?:ts|mjs)$/);
    files.push(...projectSources(["console"], /\.js$/));
    expect(files.length).toBeGreaterThan(300);
    const faults = files
      .filter(({ path }) => !path.startsWith("console/vendor/"))
      .flatMap((file) => sizeFaults(file));
    expect(faults).toEqual([]);
  });

  const body = (lines: number) => "  run();\n".repeat(lines - 2);
  it.each([
    ["a function", `export async function f(\n  a: number,\n) {\n${body(99)}}\n`],
    ["a method", `class A {\n  #m(): { readonly x: number } | null {\n${body(101)}  }\n}\n`],
    ["an arrow function", `const f = (a: string) => {\n${body(101)}};\n`],
    ["an arrow function's expression", `const f = (a) =>\n  g(\n${"    1,\n".repeat(99)}  );\n`],
    [
      "a function behind a template",
      `const t = \`\${a ? "}" : /{/}\`;\nfunction f() {\n${body(101)}}`,
    ],
  ])("refuse %s of more than 100 lines", (_, text) =>
    expect(sizeFaults({ path: "a.ts", text })).toHaveLength(1),
  );

  it.each([
    ["a function of 100 lines", `function f() {\n${body(100)}}\n`],
    ["a long class of short functions", `class A {\n${"  m() {}\n".repeat(150)}}\n`],
    ["a long table", `const t = {\n${"  a: 1,\n".repeat(150)}};\n`],
    [
      "a short function that returns one, before others",
      `class A {\n  m(): () => void {\n    run();\n  }\n${"  n() {}\n".repeat(120)}}\n`,
    ],
    ["a long statement", `if (a) {\n${body(120)}}\n`],
    ["a file of 400 lines", "a;\n".repeat(400)],
  ])("allow %s", (_, text) => expect(sizeFaults({ path: "a.ts", text })).toEqual([]));

  it("refuse a file of more than 400 lines", () => {
    expect(sizeFaults({ path: "a.ts", text: "a;\n".repeat(401) })).toEqual(["a.ts has 401 lines"]);
  });
});
