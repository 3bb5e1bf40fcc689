import {
  AGENTS_FILE,
  agentNames,
  type Place,
  pathList,
  quoted,
  type Values,
  valueCases,
} from "./place.js";

/**
 * The script finds the command so far: the longest one that the words before the cursor name.
 * Where nothing fits, files are completed.
 */
export function bash(name: string, places: readonly Place[]): string {
  const values = valueCases(places).map(
    ([pattern, kind]) => `    ${pattern}) ${afterOption(kind)} ;;`,
  );
  const words = places.map(({ path, words: own, options, takesFiles }) => {
    const list = (of: readonly { readonly word: string }[]) =>
      quoted(of.map(({ word }) => word).join(" "));
    const files = takesFiles ? " files=1" : "";
    return `    ${quoted(path)}) words=${list(own)} options=${list(options)}${files} ;;`;
  });
  return `# ${name}: completion for bash. In ~/.bashrc: source <(npx ${name} completion bash)
_${name}() {
  local command="" words="" options="" files="" word
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  # --option=value comes as three words.
  if [[ $current == "=" ]]; then current=""
  elif [[ $before == "=" ]]; then before="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case ${quoted(pathList(places))} in
      *"|\${command:+$command }$word|"*) command="\${command:+$command }$word" ;;
    esac
  done
  COMPREPLY=()
  case "$command $before" in
${values.join("\n")}
  esac
  case "$command" in
${words.join("\n")}
  esac
  if [[ $current == -* || -z $words$files ]]; then words="$words $options"; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${name} ${name}
_${name}_by_npx() {
  if [[ \${COMP_WORDS[1]} == ${name} && $COMP_CWORD -gt 1 ]]; then
    COMP_WORDS=("\${COMP_WORDS[@]:1}") COMP_CWORD=$((COMP_CWORD - 1))
    _${name}
  fi
}
complete -p npx >/dev/null 2>&1 || complete -o default -F _${name}_by_npx npx`;
}

function afterOption(values: Values): string {
  if (values === "files") return "return";
  // Not even files.
  if (values === "unknown" || values === "none") return "compopt +o default 2>/dev/null; return";
  const words =
    values === "agents" ? `"$(${agentNames(AGENTS_FILE)})"` : quoted(values.words.join(" "));
  return `COMPREPLY=($(compgen -W ${words} -- "$current")); return`;
}
