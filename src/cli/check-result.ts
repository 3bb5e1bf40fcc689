import type { CliIo } from "./io.js";

export type Verdict = "ok" | "warn" | "fail";

/** One line of `doctor` and its like: what was looked at, and what is to be done about it. */
export interface CheckResult {
  readonly verdict: Verdict;
  readonly subject: string;
  readonly text: string;
}

export function ok(subject: string, text: string): CheckResult {
  return { verdict: "ok", subject, text };
}

export function warn(subject: string, text: string): CheckResult {
  return { verdict: "warn", subject, text };
}

export function fail(subject: string, text: string): CheckResult {
  return { verdict: "fail", subject, text };
}

/** Prints each finding as it comes, then the sum. @returns how many failed. */
export async function tellAll(io: CliIo, findings: AsyncIterable<CheckResult>): Promise<number> {
  let failed = 0;
  let warned = 0;
  for await (const { verdict, subject, text } of findings) {
    if (verdict === "fail") failed++;
    if (verdict === "warn") warned++;
    io.out(`${verdict.padEnd(4)}  ${subject.padEnd(13)}  ${text}`);
  }
  io.out(failed + warned === 0 ? "all well" : `${failed} to mend, ${warned} to look at`);
  return failed;
}

/** A number as it may stand in a log or a ticket. */
export function masked(e164: string): string {
  return `number …${e164.slice(-4)}`;
}
