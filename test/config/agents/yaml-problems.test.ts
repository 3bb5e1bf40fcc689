import { expect, it } from "vitest";
import { parseDocument } from "yaml";
import { yamlProblem } from "../../../src/config/agents/yaml-problems.js";

const QUOTES = "Put the text in quotes if";
const INNER = "for a quotation mark";
const BELOW = "on the lines below";
const COLUMNS = "in the same column";
const KEY = "with a space after the colon";

it.each([
  ["a: Hello: world", QUOTES],
  ["a: {b: x: y}", QUOTES],
  ["a: @home", QUOTES],
  ["a: {{date}} hello", QUOTES],
  ["a: [x] hello", QUOTES],
  ["a: *bold* text", QUOTES],
  ["a: & co", QUOTES],
  ["a: {*: b}", QUOTES],
  ["a: - b", QUOTES],
  ["a: !hello there", QUOTES],
  ['a: "say "hi" now"', INNER],
  ["a: 'it's fine'", INNER],
  ["a: 'no end", INNER],
  ["a: | You are", BELOW],
  ["a: > You are", BELOW],
  ["a:\n  b: x\n   c: y", COLUMNS],
  ["a:\n    b: x\n  c: y", COLUMNS],
  ["a:\n  b: |\n  You are", KEY],
  ["a:\n  b: x\n  c:d", KEY],
  ["a:\n\tb: 1", "Indent with spaces"],
  ['a: "C:\\Users"', "for a backslash"],
  ["a: 1\nb: 2\na: 3", "the key a is here twice"],
  ["a: 1\n---\nb: 2", "remove the line “---”"],
])("says what to do about %j", (text, hint) => {
  const { errors, warnings } = parseDocument(text, { prettyErrors: false });
  const [first] = [...errors, ...warnings];
  expect(yamlProblem(first!, text)).toContain(hint);
});
