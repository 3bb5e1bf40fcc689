import type { Command } from "commander";

const INTRODUCTION = `# Commands

\`npx murelay <command>\`. \`npx murelay <command> --help\` says the same as this page, which is
generated from the sources. \`npx murelay --version\` prints the version.

Settings come from the environment and from \`.env\` in the current folder. \`--settings <path>\`, before
or after any command, names another file.

Every command exits with 0 when it is done, 1 when something failed or a check found a fault, and 2
for wrong usage or settings. Results go to stdout, progress and faults to stderr. \`--json\` prints the
result as one JSON document: \`output.schema.json\` of the package describes it for each command, and
\`npx murelay config schema output\` prints that schema. A command that fails before it has a result
prints \`{"error": "…"}\`. \`calls tail --json\` prints a line of JSON for each event. Colours are used on a
terminal only, and not when \`NO_COLOR\` is set.

\`call\`, \`calls\` and \`drain\` talk to the running relay through its operator listener: they need
\`ADMIN_HOST\`, \`ADMIN_PORT\` and \`ADMIN_TOKEN\` as the relay has them, from the environment or \`.env\`.

Completion: \`source <(npx murelay completion bash)\` in \`~/.bashrc\`; \`zsh\` and \`fish\` likewise. It
knows commands, options, their values, files, and the names of the agents of \`AGENTS_FILE\`, behind
\`murelay\` and behind \`npx murelay\`.`;

/** docs/commands.md. */
export function commandsPage(program: Command): string {
  const sections = leaves(program, [program.name()]).map(({ command, path }) =>
    section(command, path.join(" ")),
  );
  return `${[INTRODUCTION, ...sections].join("\n\n")}\n`;
}

interface Leaf {
  readonly command: Command;
  readonly path: readonly string[];
}

/** Commands that do something themselves, in the order of their declaration. */
function leaves(parent: Command, path: readonly string[]): Leaf[] {
  return parent
    .createHelp()
    .visibleCommands(parent)
    .filter((command) => command.name() !== "help")
    .flatMap((command) => {
      const own = [...path, command.name()];
      return command.commands.length === 0 ? [{ command, path: own }] : leaves(command, own);
    });
}

function section(command: Command, path: string): string {
  const help = command.createHelp();
  const args = help
    .visibleArguments(command)
    .map((argument) => row(help.argumentTerm(argument), help.argumentDescription(argument)));
  const options = help
    .visibleOptions(command)
    .filter(({ long }) => long !== "--help")
    .map((option) => row(help.optionTerm(option), help.optionDescription(option)));
  const rows = [...args, ...options];
  return [
    `## ${path}`,
    "",
    `${sentence(command.description())}`,
    "",
    `\`${path} ${command.usage()}\``,
    ...(rows.length === 0 ? [] : ["", "| argument, option | meaning |", "|---|---|", ...rows]),
  ].join("\n");
}

function row(term: string, description: string): string {
  return `| \`${term}\` | ${description.replaceAll("|", "\\|")} |`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
