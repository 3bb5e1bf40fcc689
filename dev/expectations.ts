/** Compares what an agent did with what a conversation expects. Pure. */
import { isDeepStrictEqual } from "node:util";
import type { RecordedTool } from "../src/domain/call-record.js";
import type { Expectation, ExpectedTool } from "./conversation-file.js";

/** What happened since the last step of the caller. */
export interface Observed {
  /** What the agent said, oldest first. */
  readonly said: readonly string[];
  readonly tools: readonly Pick<RecordedTool, "name" | "arguments" | "output">[];
  /** Destination of a transfer; null: none was asked for. */
  readonly transfer: string | null;
  readonly ended: boolean;
}

export interface Difference {
  readonly expected: string;
  readonly actual: string;
}

/** @returns every expectation that does not hold; empty: all hold. */
export function differences(expected: Expectation, observed: Observed): readonly Difference[] {
  const all = observed.said.join(" ");
  const heard = all === "" ? "the agent said nothing" : `the agent said: “${all}”`;
  const found: Difference[] = [];
  for (const words of expected.says ?? [])
    if (!matches(words, all)) found.push({ expected: `says: ${words}`, actual: heard });
  for (const words of expected.does_not_say ?? [])
    if (matches(words, all)) found.push({ expected: `does not say: ${words}`, actual: heard });
  found.push(...toolDifferences(expected, observed));
  if (expected.transfer !== undefined && expected.transfer !== observed.transfer)
    found.push({
      expected: `transfer: ${expected.transfer}`,
      actual: observed.transfer === null ? "no transfer" : `transfer: ${observed.transfer}`,
    });
  if (expected.ended !== undefined && expected.ended !== observed.ended)
    found.push({
      expected: expected.ended ? "the call has ended" : "the call goes on",
      actual: observed.ended ? "the call has ended" : "the call goes on",
    });
  return found;
}

/**
 * Whether a text holds words. Upper case, punctuation and white space make no difference. Words
 * between slashes are a regular expression.
 */
export function matches(words: string, text: string): boolean {
  const pattern = /^\/(.+)\/$/s.exec(words)?.[1];
  if (pattern !== undefined) return new RegExp(pattern, "iu").test(text);
  return ` ${plain(text)} `.includes(` ${plain(words)} `);
}

function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

function toolDifferences(expected: Expectation, { tools }: Observed): readonly Difference[] {
  const called = tools.length === 0 ? "no tool was called" : tools.map(toolText).join("\n");
  if (expected.tool !== undefined) {
    const { tool } = expected;
    if (!tools.some((actual) => fits(tool, actual)))
      return [{ expected: `tool: ${expectedText(tool)}`, actual: called }];
  }
  if (expected.tools === undefined) return [];
  const wanted = expected.tools;
  const all = wanted.length === tools.length && wanted.every((one, i) => fits(one, tools[i]!));
  if (all) return [];
  const text = wanted.length === 0 ? "no tool" : wanted.map(expectedText).join("\n");
  return [{ expected: `tools: ${text}`, actual: called }];
}

function fits(expected: ExpectedTool, actual: Observed["tools"][number]): boolean {
  return (
    expected.name === actual.name &&
    holds(expected.arguments, parsed(actual.arguments)) &&
    holds(expected.output, parsed(actual.output))
  );
}

/** Objects may hold more than is expected; texts between slashes are regular expressions. */
function holds(expected: unknown, actual: unknown): boolean {
  if (expected === undefined) return true;
  if (typeof expected === "string" && /^\/.+\/$/s.test(expected))
    return typeof actual === "string" && matches(expected, actual);
  if (!isObject(expected)) return isDeepStrictEqual(expected, actual);
  return (
    isObject(actual) &&
    Object.entries(expected).every(([name, value]) => holds(value, actual[name]))
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A tool may answer with any text, and a model may write faulty arguments.
    return text;
  }
}

function toolText({ name, arguments: given, output }: Observed["tools"][number]): string {
  return `${name} ${given} → ${output}`;
}

function expectedText({ name, arguments: given, output }: ExpectedTool): string {
  return (
    name +
    (given === undefined ? "" : ` ${JSON.stringify(given)}`) +
    (output === undefined ? "" : ` → ${JSON.stringify(output)}`)
  );
}
