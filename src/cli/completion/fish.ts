import { agentNames, commandPaths, type Place, quoted, type Values } from "./place.js";

export function fish(name: string, places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, options, takesFiles }) => {
    const here = `test "$(__${name}_command)" = ${JSON.stringify(path)}`;
    const line = (what: string, description: string) =>
      `complete -c ${name} -n ${quoted(here)} ${what} -d ${quoted(description)}`;
    return [
      ...(takesFiles ? [] : [`complete -c ${name} -n ${quoted(here)} -f`]),
      ...words.map(({ word, description }) => line(`-f -a ${quoted(word)}`, description)),
      ...options.map(({ word, description, values }) => {
        const what = `${word.startsWith("--") ? "-l" : "-s"} ${word.replace(/^--?/, "")}`;
        return line(`${what}${afterOption(values)}`, description);
      }),
    ];
  });
  return `# ${name}: completion for fish. npx ${name} completion fish > ~/.config/fish/completions/${name}.fish
function __${name}_command
  set -l so_far
  for word in (commandline -opc)[2..]
    if contains -- (string join -- " " $so_far $word) ${commandPaths(places).map(quoted).join(" ")}
      set so_far (string join -- " " $so_far $word)
    end
  end
  echo "$so_far"
end
function __${name}_agents
  set -q AGENTS_FILE; or set -l AGENTS_FILE agents.yaml
  ${agentNames("$AGENTS_FILE")}
end
${lines.join("\n")}
complete -c npx -n 'test (count (commandline -opc)) -gt 1; and test (commandline -opc)[2] = ${name}' -f -a '(complete -C (string replace -r "^\\s*npx\\s+" "" -- (commandline -cp)))'`;

  function afterOption(values: Values): string {
    if (values === "none") return "";
    if (values === "files") return " -r -F";
    if (values === "unknown") return " -x";
    return values === "agents"
      ? ` -x -a '(__${name}_agents)'`
      : ` -x -a ${quoted(values.words.join(" "))}`;
  }
}
