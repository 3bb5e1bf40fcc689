import { expect, it } from "vitest";
import { mistypedOption } from "../../src/cli/mistyped-option.js";
import { createProgram } from "../../src/cli/program.js";
import { FakeIo } from "../fakes/fake-io.js";

const program = createProgram(new FakeIo(), [], () => undefined);

it.each<[readonly string[], string | null]>([
  [["call", "+1", "--agnet", "a"], "unknown option --agnet (did you mean --agent?)"],
  [["call", "+1", "--agnet=a"], "unknown option --agnet (did you mean --agent?)"],
  [["operator", "add", "ana", "--rol", "x"], "unknown option --rol (did you mean --role?)"],
  [["--settings", "a", "call", "+1", "--from", "+1"], null],
  [["call", "--", "--agnet"], null],
])("finds the mistyped option of %j", (args, expected) => {
  expect(mistypedOption(program, args)).toBe(expected);
});
