import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readProblem } from "../../src/config/read-problem.js";

function problemOf(path: string): string {
  try {
    readFileSync(path);
    return "";
  } catch (error) {
    return readProblem(error);
  }
}

it.each([
  ["/none/file", "there is no such file"],
  ["/etc/passwd/x", "there is no such file"],
  ["/tmp", "it is a folder"],
])("says why %s cannot be read", (path, problem) => {
  expect(problemOf(path)).toBe(problem);
});

it("suggests the file that was meant", () => {
  expect(problemOf("/etc/passwdd")).toBe("there is no such file (did you mean passwd?)");
  expect(problemOf("/nowhere/passwd")).toBe("there is no such file");
});

it("repeats what it has no words for", () => {
  expect(readProblem(new Error("EIO: i/o error"))).toBe("EIO: i/o error");
  expect(readProblem("text")).toBe("text");
});
