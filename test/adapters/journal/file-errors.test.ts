import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { hasErrorCode, isMissing } from "../../../src/adapters/journal/file-errors.js";

const thrownBy = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
};

it.each([
  ["a missing file", () => readFileSync("/nowhere/at-all"), true],
  ["a file in the place of a directory", () => readFileSync("/etc/hostname/x"), true],
  ["a directory", () => readFileSync("/"), false],
  ["an error without a code", () => JSON.parse("{"), false],
])("tells whether the path is missing: %s", (_, run, missing) => {
  expect(isMissing(thrownBy(run))).toBe(missing);
});

it("compares with every code that is named", () => {
  const error = thrownBy(() => readFileSync("/"));
  expect(hasErrorCode(error, "ENOSPC", "EISDIR")).toBe(true);
  expect(hasErrorCode(error, "ENOSPC")).toBe(false);
  expect(hasErrorCode("EISDIR", "EISDIR")).toBe(false);
});
