import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { problemOf } from "../../src/cli/problem-of.js";
import { RelayError } from "../../src/domain/errors.js";

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

it.each<[string, unknown, string | null]>([
  ["a missing file", thrown(() => readFileSync("/none/x")), "/none/x is not there"],
  [
    "a folder",
    thrown(() => readFileSync("/tmp")),
    "EISDIR: illegal operation on a directory, read",
  ],
  [
    "a file as folder",
    thrown(() => mkdirSync("/etc/passwd/x")),
    "/etc/passwd/x leads through a file that is no folder",
  ],
  ["a folder to write", thrown(() => writeFileSync("/tmp", "")), "/tmp is a folder"],
  ["an error of the relay", new RelayError("config_invalid", "PORT is bad"), "PORT is bad"],
  ["a fault of the program", new TypeError("x is undefined"), null],
  ["anything else", "text", null],
])("says what is wrong: %s", (_, error, text) => expect(problemOf(error)).toBe(text));
