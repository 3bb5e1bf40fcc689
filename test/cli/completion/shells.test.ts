import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bash } from "../../../src/cli/completion/bash.js";
import { fish } from "../../../src/cli/completion/fish.js";
import type { Place } from "../../../src/cli/completion/place.js";
import { zsh } from "../../../src/cli/completion/zsh.js";

const word = (text: string) => ({ word: text, description: `what ${text}: is` });
const option = (text: string, values: Place["options"][number]["values"] = "none") => ({
  ...word(text),
  values,
});
const SETTINGS = option("--settings", "files");
const PLACES: readonly Place[] = [
  {
    ...{ path: "", words: ["calls", "dev"].map(word), takesFiles: false },
    options: [SETTINGS, option("--version")],
  },
  {
    ...{ path: "dev", words: [], takesFiles: true },
    options: [option("--model", { words: ["openai", "simulated"] }), option("--json"), SETTINGS],
  },
  {
    ...{ path: "calls", words: ["list", "end"].map(word), takesFiles: false },
    options: [option("--help")],
  },
  {
    ...{ path: "calls list", words: [], takesFiles: false },
    options: [option("--agent", "agents"), option("--from", "unknown"), SETTINGS],
  },
];

const quoted = (words: readonly string[]): string => words.map((one) => `'${one}'`).join(" ");
/** The functions of zsh that the script calls: they print what they would offer. */
const MENU = [
  "compdef() {}; _files() { print FILES }",
  "_describe() { local -a all; all=($" + "{(P)2}); (( $#all )) && print -l -- $all }",
].join("\n");
const SHELLS = {
  bash: (words: readonly string[]) =>
    `${bash("murelay", PLACES)}
compopt() { echo NOTHING; }
COMP_WORDS=(${quoted(words)}); COMP_CWORD=${words.length - 1}
$(complete -p ${words[0]} | sed 's/.*-F \\([^ ]*\\).*/\\1/')
printf '%s\\n' "\${COMPREPLY[@]:-FILES}"`,
  zsh: (words: readonly string[]) =>
    `${MENU}\n${zsh("murelay", PLACES)}
words=(${quoted(words)}); CURRENT=${words.length}; _murelay${words[0] === "npx" ? "_by_npx" : ""}`,
  fish: (words: readonly string[]) =>
    `${fish("murelay", PLACES)}\ncomplete -C ${quoted([words.join(" ")])}`,
} as const;
type Shell = keyof typeof SHELLS;
const missing = (shell: Shell): boolean => spawnSync(shell, ["-c", "true"]).error !== undefined;

describe.each<Shell>(["bash", "zsh", "fish"])("completion for %s", (shell) => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "murelay-completion-"));
    writeFileSync(join(folder, "agents.yaml"), "agents:\n  sales: {}\n  support: {}\n");
    writeFileSync(join(folder, "other.yaml"), "agents:\n  night: {}\n");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function completions(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const ran = spawnSync(shell, ["-c", SHELLS[shell](words)], {
      ...{ encoding: "utf8", cwd: folder },
      env: { PATH: process.env["PATH"], HOME: folder, ...env },
    });
    expect(ran.stderr).toBe("");
    const last = words.at(-1) ?? "";
    const found = ran.stdout.split("\n").map((line) => line.split(/[:\t]/)[0] ?? "");
    return found.filter((one) => one !== "" && (one === "FILES" || one.startsWith(last))).sort();
  }
  /** Bash and zsh are asked for files by a function, fish lists them itself. */
  const FILES = shell === "fish" ? ["agents.yaml", "other.yaml"] : ["FILES"];
  const OTHERS = shell === "bash" ? ["FILES", "NOTHING"] : [];

  it.skipIf(missing(shell))("offers the values of an option", () => {
    expect(completions(["murelay", "dev", "--model", ""])).toEqual(["openai", "simulated"]);
    expect(completions(["murelay", "dev", "x.yaml", "--model", "s"])).toEqual(["simulated"]);
  });

  it.skipIf(missing(shell))("offers the agents of the agents file", () => {
    const words = ["murelay", "calls", "list", "--agent", ""];
    expect(completions(words)).toEqual(["sales", "support"]);
    expect(completions(words, { AGENTS_FILE: "other.yaml" })).toEqual(["night"]);
  });

  it.skipIf(missing(shell))(
    "offers files where a file belongs, and nothing for what is unknown",
    () => {
      expect(completions(["murelay", "dev", ""])).toEqual(FILES);
      expect(completions(["murelay", "calls", "list", "--settings", ""])).toEqual(FILES);
      expect(completions(["murelay", "calls", "list", "--from", ""])).toEqual(OTHERS);
      expect(completions(["murelay", "dev", "--"])).toEqual(
        expect.arrayContaining(["--json", "--model"]),
      );
    },
  );

  it.skipIf(missing(shell))("works behind npx, which is how a project runs the command", () => {
    expect(completions(["npx", "murelay", "calls", ""])).toEqual(
      expect.arrayContaining(["end", "list"]),
    );
    expect(completions(["npx", "murelay", "dev", "--model", "o"])).toEqual(["openai"]);
  });
});

describe("completion for bash", () => {
  it.skipIf(missing("bash"))("takes --option=value, and leaves another completion of npx", () => {
    const ran = (script: string) => spawnSync("bash", ["-c", script], { encoding: "utf8" }).stdout;
    const words = ["murelay", "dev", "--model", "=", "s"];
    expect(ran(SHELLS.bash(words))).toBe("simulated\n");
    const mine = `complete -F _mine npx\n${bash("murelay", PLACES)}\ncomplete -p npx`;
    expect(ran(mine)).toBe("complete -F _mine npx\n");
  });
});
