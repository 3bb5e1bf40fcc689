import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  agentNames,
  commandPaths,
  type Place,
  pathList,
  quoted,
  valueCases,
} from "../../../src/cli/completion/place.js";

const option = (word: string, values: Place["options"][number]["values"]) => ({
  ...{ word, description: "", values },
});
const place = (path: string, ...options: Place["options"]): Place => ({
  ...{ path, words: [], takesFiles: false, options },
});
const PLACES = [
  place("", option("--settings", "files")),
  place("dev", option("--model", { words: ["a", "b"] }), option("--json", "none")),
  place("test", option("--model", { words: ["a", "b"] })),
];

describe("the places of a command line", () => {
  it("are found by the commands before", () => {
    expect(commandPaths(PLACES)).toEqual(["dev", "test"]);
    expect(pathList(PLACES)).toBe("|dev|test|");
  });

  it("have options with the same values together; the program's own stand anywhere", () => {
    expect(valueCases(PLACES)).toEqual([
      ["*' --settings'", "files"],
      ["'dev --model'|'test --model'", { words: ["a", "b"] }],
    ]);
  });
});

describe("the names of the agents of a file", () => {
  const names = (text: string): string => {
    const folder = mkdtempSync(join(tmpdir(), "murelay-names-"));
    writeFileSync(join(folder, "a.yaml"), text);
    const ran = spawnSync("sh", ["-c", agentNames(quoted(join(folder, "a.yaml")))], {
      encoding: "utf8",
    });
    rmSync(folder, { recursive: true });
    return ran.stdout;
  };

  it.each([
    [
      "# x\nagents:\n  a:\n    voice: b\n  # c:\n\n  d-e: {voice: f}\nnumbers:\n  g: a\n",
      "a\nd-e\n",
    ],
    ['defaults:\n  x: y\nagents:\n    "a b":\n        c: d\n    e:\n        f: g\n', "ab\ne\n"],
    ["agents: {a: {}}\n", ""],
    // Bash would run it.
    ["agents:\n  a$(touch$IFS'x'): {}\n  b`id`: {}\n  c: {}\n", "c\n"],
    ["", ""],
  ])("are read without a parser: %j", (text, found) => {
    expect(names(text)).toBe(found);
  });

  it("are none where there is no file", () => {
    const ran = spawnSync("sh", ["-c", agentNames("/nowhere/agents.yaml")], { encoding: "utf8" });
    expect([ran.stdout, ran.stderr]).toEqual(["", ""]);
  });
});
