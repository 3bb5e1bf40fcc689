/** Limits such as `uplink_p99_ms<20,loss=0`. */
import { UsageError } from "./usage-error.js";

const COMPARE = {
  "<": (a: number, b: number) => a < b,
  "<=": (a: number, b: number) => a <= b,
  "=": (a: number, b: number) => a === b,
  ">=": (a: number, b: number) => a >= b,
  ">": (a: number, b: number) => a > b,
} as const;

export interface SloTerm {
  readonly metric: string;
  readonly op: keyof typeof COMPARE;
  readonly limit: number;
}

export interface SloResult extends SloTerm {
  readonly value: number;
  readonly ok: boolean;
}

/** @throws UsageError for text that is not a limit. `judge` checks the names. */
export function parseSlo(text: string): SloTerm[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const found = /^([a-z0-9_]+)\s*(<=|>=|<|>|==?)\s*(-?\d+(?:\.\d+)?)$/.exec(part);
      if (found === null)
        throw new UsageError(`--slo: "${part}" is no limit; write e.g. uplink_p99_ms<20`);
      const op = found[2] === "==" ? "=" : found[2]!;
      if (!isOp(op)) throw new UsageError(`--slo: "${op}" is no comparison`);
      return { metric: found[1]!, op, limit: Number(found[3]) };
    });
}

/** @throws UsageError for an unknown figure, so that a misspelt limit never passes. */
export function judge(
  terms: readonly SloTerm[],
  figures: Readonly<Record<string, number | null>>,
): SloResult[] {
  return terms.map((term) => {
    const value = figures[term.metric];
    if (value === undefined) {
      throw new UsageError(
        `--slo: no figure is named ${term.metric}; known: ${Object.keys(figures).join(", ")}`,
      );
    }
    // A figure that was not measured is within no limit.
    return {
      ...term,
      value: value ?? Number.NaN,
      ok: value !== null && COMPARE[term.op](value, term.limit),
    };
  });
}

export interface Judged {
  readonly verdicts: readonly SloResult[];
  /** Limits whose figure was not measured. */
  readonly unmeasured: readonly SloTerm[];
}

/** As `judge`, but a figure that was not measured breaks no limit. */
export function judgeMeasured(
  terms: readonly SloTerm[],
  figures: Readonly<Record<string, number | null>>,
): Judged {
  const verdicts = judge(terms, figures);
  return {
    verdicts: verdicts.filter(({ value }) => !Number.isNaN(value)),
    unmeasured: terms.filter(({ metric }) => figures[metric] === null),
  };
}

function isOp(text: string): text is keyof typeof COMPARE {
  return text in COMPARE;
}
