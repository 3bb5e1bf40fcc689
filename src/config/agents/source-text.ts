/**
 * YAML with positions: finds the line and column of a value of the data. The only user of `yaml` for the agents file.
 */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from "yaml";

export type Path = readonly (string | number)[];

export interface Position {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface TextFault extends Position {
  readonly problem: string;
}

/** Enough for anchors, and too few to blow a small file up in memory. */
const MAX_ALIASES = 100;

const QUOTES =
  ". Put the text in quotes if it contains “: ” or “ #”, or begins with one of { [ @ ` % & * ! | >";

/** What to do about faults that a text without quotes usually causes. */
const HINTS: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: QUOTES,
  BLOCK_IN_FLOW: QUOTES,
  BAD_SCALAR_START: QUOTES,
  MULTILINE_IMPLICIT_KEY: QUOTES,
  UNEXPECTED_TOKEN: QUOTES,
  TAB_AS_INDENT: ". Indent with spaces",
};

/** A text in YAML, or in JSON, which is a subset of it. */
export class SourceText {
  /** Syntax faults. When there are any, `value` has no meaning. */
  readonly faults: readonly TextFault[];
  readonly value: unknown;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      merge: true,
    });
    const faults: TextFault[] = this.#document.errors.map((error) => ({
      ...this.#at(error.pos[0]),
      problem:
        error.code === "DUPLICATE_KEY"
          ? `the key ${keyAt(text, error.pos[0])} is here twice: remove one`
          : error.message + (HINTS[error.code] ?? ""),
    }));
    let value: unknown = null;
    if (faults.length === 0) {
      try {
        value = this.#document.toJS({ maxAliasCount: MAX_ALIASES });
      } catch (error) {
        faults.push({
          line: 1,
          column: 1,
          problem: error instanceof Error ? error.message : String(error),
        });
      }
    }
    this.value = value;
    this.faults = faults;
  }

  /**
   * The position of the value at `path`, or of as much of the path as exists.
   *
   * @param at  "key": the position of its name. {text}: the position of this text in the value, if it is found there.
   */
  locate(path: Path, at?: "key" | { readonly text: string }): Position {
    let node: unknown = this.#document.contents;
    let offset = startOf(node) ?? 0;
    for (const [i, part] of path.entries()) {
      if (isAlias(node)) node = node.resolve(this.#document);
      if (isMap(node)) {
        const pair = node.items.find(
          ({ key }) => String(isScalar(key) ? key.value : key) === String(part),
        );
        if (pair === undefined) break;
        const last = i === path.length - 1;
        const wanted = last && at === "key" ? pair.key : (pair.value ?? pair.key);
        offset = startOf(wanted) ?? startOf(pair.key) ?? offset;
        node = pair.value;
      } else if (isSeq(node) && typeof part === "number") {
        node = node.items[part];
        offset = startOf(node) ?? offset;
      } else break;
    }
    if (typeof at === "object" && isNode(node) && node.range != null) {
      const [start, , end] = node.range;
      const found = this.#text.indexOf(at.text, start);
      if (found >= 0 && found < end) offset = found;
    }
    return this.#at(offset);
  }

  #at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

function keyAt(text: string, offset: number): string {
  return /^[^\s:]{0,100}/.exec(text.slice(offset))?.[0] ?? "";
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}

/** agents.support.tools[1] */
export function pathText(path: Path): string {
  return path
    .map((part, i) => {
      if (typeof part === "number") return `[${part}]`;
      const plain = /^[\p{L}\p{N}_-]+$/u.test(part);
      if (!plain) return `[${JSON.stringify(part)}]`;
      return i === 0 ? part : `.${part}`;
    })
    .join("");
}
