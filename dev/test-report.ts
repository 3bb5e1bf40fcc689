/** What `murelay test` prints and writes. Pure. */
import type { ConversationResult, StepFailure } from "./conversation-call.js";

/** The results of one conversation file. */
export interface FileResult {
  readonly file: string;
  readonly results: readonly ConversationResult[];
}

/** @returns the lines of one conversation. */
export function resultLines(file: string, result: ConversationResult): readonly string[] {
  const seconds = (result.ms / 1000).toFixed(1);
  if (result.ok) return [`ok    ${result.name} (${seconds} s)`];
  return [
    `FAIL  ${result.name} (${seconds} s)`,
    ...result.failures.flatMap((failure) => failureLines(file, failure)),
    ...(result.transcript.length === 0 ? [] : ["      the conversation:"]),
    ...result.transcript.map((line) => `        ${line}`),
  ];
}

function failureLines(file: string, failure: StepFailure): readonly string[] {
  const { line, turn, caller, differences } = failure;
  const where = turn === 0 ? "before the first turn" : `turn ${turn}`;
  const said = caller === null ? "" : `, caller: “${caller}”`;
  return [
    `      ${file}:${line} ${where}${said}`,
    ...differences.flatMap(({ expected, actual }) => [
      ...indented("expected  ", expected),
      ...indented("actual    ", actual),
    ]),
  ];
}

function indented(label: string, text: string): readonly string[] {
  return text
    .split("\n")
    .map((line, i) => `        ${i === 0 ? label : " ".repeat(label.length)}${line}`);
}

export function summaryLine(files: readonly FileResult[]): string {
  const all = files.flatMap(({ results }) => results);
  const failed = all.filter(({ ok }) => !ok).length;
  const count = `${all.length} conversation${all.length === 1 ? "" : "s"}`;
  return failed === 0 ? `${count} passed` : `${failed} of ${count} failed`;
}

export function jsonReport(files: readonly FileResult[]): string {
  const ok = files.every(({ results }) => results.every((result) => result.ok));
  return JSON.stringify({ ok, files }, null, 2);
}

/** JUnit's XML, as build servers read it. */
export function junitReport(files: readonly FileResult[]): string {
  const suites = files.map(({ file, results }) => {
    const failed = results.filter(({ ok }) => !ok).length;
    const seconds = results.reduce((sum, { ms }) => sum + ms, 0) / 1000;
    const cases = results.map((result) => junitCase(file, result));
    return [
      `  <testsuite name="${escaped(file)}" tests="${results.length}" failures="${failed}" ` +
        `time="${seconds.toFixed(3)}">`,
      ...cases,
      "  </testsuite>",
    ].join("\n");
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<testsuites>",
    ...suites,
    "</testsuites>",
    "",
  ].join("\n");
}

function junitCase(file: string, result: ConversationResult): string {
  const head =
    `    <testcase name="${escaped(result.name)}" classname="${escaped(file)}" ` +
    `time="${(result.ms / 1000).toFixed(3)}"`;
  if (result.ok) return `${head}/>`;
  const first = result.failures[0]?.differences[0];
  const message = first === undefined ? "failed" : `expected ${first.expected}`;
  const text = resultLines(file, result).slice(1).join("\n");
  return (
    `${head}>\n      <failure message="${escaped(message)}">${escaped(text)}</failure>\n` +
    "    </testcase>"
  );
}

function escaped(text: string): string {
  return (
    text
      // XML has no place for other control characters.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "")
      .replace(/[<>&"]/g, (char) => `&#${char.charCodeAt(0)};`)
  );
}
