import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { completionScript, printCompletion, type Shell } from "../../src/cli/completion.js";
import { createProgram } from "../../src/cli/program.js";
import { FakeIo } from "../fakes/fake-io.js";

const program = createProgram(new FakeIo(), [], () => undefined);

/** Runs the script in its shell, and asks what may follow these words. */
const ASK: Readonly<Record<Shell, (words: readonly string[]) => string>> = {
  bash: (words) =>
    `COMP_WORDS=(murelay ${quoted(words)}); COMP_CWORD=${words.length}; _murelay; printf '%s\n' "\${COMPREPLY[@]}"`,
  zsh: (words) => `words=(murelay ${quoted(words)}); CURRENT=${words.length + 1}; _murelay`,
  fish: (words) => `complete -C ${quoted([["murelay", ...words].join(" ")])}`,
};
const BEFORE: Readonly<Record<Shell, string>> = {
  bash: "",
  zsh: `compdef() {}; _files() {}; _describe() { print -l -- \${(P)2} };`,
  fish: "",
};

const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(" ");
const missing = (shell: Shell): boolean => spawnSync(shell, ["-c", "true"]).error !== undefined;

function completions(shell: Shell, ...words: string[]): string[] {
  const script = `${BEFORE[shell]}\n${completionScript(shell, program)}\n${ASK[shell](words)}`;
  const ran = spawnSync(shell, ["-c", script], { encoding: "utf8" });
  expect(ran.stderr).toBe("");
  // A description follows the word.
  const found = ran.stdout.split("\n").map((line) => line.split(/[:\t]/)[0] ?? "");
  return found.filter((word) => word !== "" && word.startsWith(words.at(-1) ?? ""));
}

describe.each<Shell>(["bash", "zsh", "fish"])("completion for %s", (shell) => {
  it.skipIf(missing(shell))("offers commands, the commands below them, and options", () => {
    expect(completions(shell, "ca").toSorted()).toEqual(["call", "calls", "capacity"]);
    expect(completions(shell, "calls", "")).toEqual(
      expect.arrayContaining(["list", "show", "tail", "transfer", "end"]),
    );
    expect(completions(shell, "calls", "show", "--").toSorted()).toEqual([
      ...["--help", "--json", "--settings"],
    ]);
  });

  it.skipIf(missing(shell))("goes by the command, whatever else was written", () => {
    const words = ["--settings", "my.env", "calls", "list", "--state", "live", "--ou"];
    expect(completions(shell, ...words)).toEqual(["--outcome"]);
    // "show" alone is no command.
    expect(completions(shell, "show", "cap")).toEqual(["capacity"]);
  });
});

describe("printCompletion", () => {
  it("names the shells that there are", () => {
    const io = new FakeIo();
    expect(printCompletion(io, program, "csh")).toBe(2);
    expect(io.errors.join()).toContain("bash, zsh, fish");
    expect(printCompletion(io, program, "bash")).toBe(0);
    expect(io.text).toContain("complete -o default -F _murelay murelay");
  });

  it("hides commands that only the relay runs", () => {
    expect(completionScript("bash", program)).not.toMatch(/\bworker\b/);
  });
});
