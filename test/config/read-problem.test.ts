import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readProblem } from "../../src/config/read-problem.js";

it.each([
  ["/none/file", "there is no such file"],
  ["/etc/passwd/x", "there is no such file"],
  ["/tmp", "it is a folder"],
])("says why %s cannot be read", (path, problem) => {
  let said = "";
  try {
    readFileSync(path);
  } catch (error) {
    said = readProblem(error);
  }
  expect(said).toBe(problem);
});

it("repeats what it has no words for", () => {
  expect(readProblem(new Error("EIO: i/o error"))).toBe("EIO: i/o error");
  expect(readProblem("text")).toBe("text");
});
