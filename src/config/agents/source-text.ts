/**
 * YAML with positions: finds the line and column of a value of the data. The only user of `yaml`
 * for the agents file.
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
  visit,
} from "yaml";
import { QUOTES, yamlProblem } from "./yaml-problems.js";

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
    const { errors, warnings } = this.#document;
    // A warning is about a tag, which no file needs: "!" begins a text.
    const faults: TextFault[] = [...errors, ...warnings].map((error) => ({
      ...this.#at(error.pos[0]),
      problem: yamlProblem(error, text),
    }));
    if (faults.length === 0) faults.push(...this.#unknownAliases());
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

  /** Texts that end before a “#” which is probably a part of them: “room #5”, not “room # five”. */
  cutTexts(): readonly TextFault[] {
    const found: TextFault[] = [];
    visit(this.#document, {
      Scalar: (_, { comment, range, type, value }) => {
        if (type !== "PLAIN" || typeof value !== "string" || range == null) return;
        const [, end] = range;
        if (!/^\S/.test(comment ?? "") || !this.#text.startsWith(" #", end)) return;
        const word = /^\S{0,20}/.exec(this.#text.slice(end + 1))?.[0] ?? "";
        const problem = `the text ends before “${word}”, which is a comment: put the text in quotes`;
        found.push({ ...this.#at(end + 1), problem });
      },
    });
    return found;
  }

  #unknownAliases(): readonly TextFault[] {
    const found: TextFault[] = [];
    // One pass: to resolve an alias is to go through the document.
    const anchors = new Set<string>();
    visit(this.#document, {
      Value: (_, { anchor }) => void (anchor !== undefined && anchors.add(anchor)),
      Alias: (_, alias) => {
        if (anchors.has(alias.source)) return;
        const problem = `*${alias.source} refers to an anchor that is not there${QUOTES}`;
        found.push({ ...this.#at(alias.range?.[0] ?? 0), problem });
      },
    });
    return found;
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
