import { styleText } from "node:util";
import type { CliIo } from "./io.js";

export type Severity = "ok" | "warn" | "fail";

/** One line of `doctor` and of commands like it. */
export interface CheckResult {
  readonly severity: Severity;
  readonly subject: string;
  /** What was found. */
  readonly text: string;
  /** What to do about it; null when there is nothing to do. */
  readonly fix: string | null;
}

export function ok(subject: string, text: string): CheckResult {
  return { severity: "ok", subject, text, fix: null };
}

export function warn(subject: string, text: string, fix: string | null = null): CheckResult {
  return { severity: "warn", subject, text, fix };
}

export function fail(subject: string, text: string, fix: string | null = null): CheckResult {
  return { severity: "fail", subject, text, fix };
}

/**
 * Prints each result as it comes, then the sum. As JSON all of them are printed at the end, as one
 * object.
 *
 * @returns how many failed.
 */
export async function printResults(
  io: CliIo,
  results: AsyncIterable<CheckResult>,
  json = false,
): Promise<number> {
  const all: CheckResult[] = [];
  for await (const result of results) {
    all.push(result);
    if (!json) io.out(line(result, io.colours === true));
  }
  const count = (severity: Severity) => all.filter((one) => one.severity === severity).length;
  const [failed, warned] = [count("fail"), count("warn")];
  if (json) io.out(JSON.stringify({ ok: failed === 0, failed, warned, checks: all }, null, 2));
  else
    io.out(
      failed + warned === 0
        ? "no problems found"
        : `${failed} failed, ${warned} warning${warned === 1 ? "" : "s"}`,
    );
  return failed;
}

const COLOURS = { ok: "green", warn: "yellow", fail: "red" } as const;

function line({ severity, subject, text, fix }: CheckResult, colours: boolean): string {
  const padded = severity.padEnd(4);
  const shown = colours ? styleText(COLOURS[severity], padded, { validateStream: false }) : padded;
  const found = `${shown}  ${subject.padEnd(13)}  ${text}`;
  return fix === null ? found : `${found}. Fix: ${fix}`;
}

/** A number as it may appear in a log or a ticket. */
export function masked(e164: string): string {
  return `number …${e164.slice(-4)}`;
}
