/** Scripts that complete the command line in a shell. */
import type { Command } from "commander";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

interface Word {
  readonly word: string;
  readonly description: string;
}

/** What may follow a command: the commands below it, and its options. */
interface Place {
  /** The words of the command: "" for the program itself, "calls show". */
  readonly path: string;
  readonly words: readonly Word[];
}

export function printCompletion(io: CliIo, program: Command, shell: string | undefined): number {
  const known = SHELLS.find((name) => name === shell);
  if (known === undefined) {
    io.err(`the shell is one of ${SHELLS.join(", ")}`);
    return EXIT_USAGE;
  }
  io.out(completionScript(known, program));
  return EXIT_OK;
}

export function completionScript(shell: Shell, program: Command): string {
  const places = placesOf(program, []);
  switch (shell) {
    case "bash":
      return bash(program.name(), places);
    case "zsh":
      return zsh(program.name(), places);
    case "fish":
      return fish(program.name(), places);
  }
}

function placesOf(command: Command, path: readonly string[]): Place[] {
  const help = command.createHelp();
  // `help` is a command of commander's own: `--help` says the same.
  const commands = help.visibleCommands(command).filter((child) => child.name() !== "help");
  const options = help.visibleOptions(command);
  const words = [
    ...commands.map((child) => ({ word: child.name(), description: child.description() })),
    ...options.map(({ long, short, description }) => ({ word: long ?? short ?? "", description })),
  ];
  return [
    { path: path.join(" "), words },
    ...commands.flatMap((child) => placesOf(child, [...path, child.name()])),
  ];
}

/**
 * Each script finds the command so far: the longest one that the words before the cursor name.
 * Where nothing fits, files are completed.
 */
function bash(name: string, places: readonly Place[]): string {
  const cases = places.map(
    ({ path, words }) => `    ${quoted(path)}) words=${quoted(words.map(wordOf).join(" "))} ;;`,
  );
  return `# ${name}: completion for bash. In ~/.bashrc: source <(${name} completion bash)
_${name}() {
  local command="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case ${quoted(pathList(places))} in
      *"|\${command:+$command }$word|"*) command="\${command:+$command }$word" ;;
    esac
  done
  case "$command" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${name} ${name}`;
}

function zsh(name: string, places: readonly Place[]): string {
  const cases = places.map(({ path, words }) => {
    const list = words.map(({ word, description }) =>
      quoted(`${word}:${description.replaceAll(":", "\\:")}`),
    );
    return `    ${quoted(path)}) choices=(${list.join(" ")}) ;;`;
  });
  return `#compdef ${name}
# ${name}: completion for zsh. In ~/.zshrc, after compinit: source <(${name} completion zsh)
_${name}() {
  local so_far="" word
  local -a choices
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case ${quoted(pathList(places))} in
      *"|\${so_far:+$so_far }$word|"*) so_far="\${so_far:+$so_far }$word" ;;
    esac
  done
  case "$so_far" in
${cases.join("\n")}
  esac
  _describe ${name} choices || _files
}
compdef _${name} ${name}`;
}

function fish(name: string, places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words }) =>
    words.map(({ word, description }) => {
      const what = word.startsWith("--") ? `-l ${word.slice(2)}` : `-f -a ${quoted(word)}`;
      const place = quoted(`test "$(__${name}_command)" = ${JSON.stringify(path)}`);
      return `complete -c ${name} -n ${place} ${what} -d ${quoted(description)}`;
    }),
  );
  return `# ${name}: completion for fish. ${name} completion fish > ~/.config/fish/completions/${name}.fish
function __${name}_command
  set -l so_far
  for word in (commandline -opc)[2..]
    if contains -- (string join -- " " $so_far $word) ${commandPaths(places).map(quoted).join(" ")}
      set so_far (string join -- " " $so_far $word)
    end
  end
  echo "$so_far"
end
${lines.join("\n")}`;
}

/** `|calls|calls list|…|`: a command is in it with a bar on either side. */
function pathList(places: readonly Place[]): string {
  return `|${commandPaths(places).join("|")}|`;
}

function commandPaths(places: readonly Place[]): string[] {
  return places.map(({ path }) => path).filter((path) => path !== "");
}

function wordOf({ word }: Word): string {
  return word;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
