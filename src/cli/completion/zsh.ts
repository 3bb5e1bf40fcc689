import {
  AGENTS_FILE,
  agentNames,
  type Place,
  pathList,
  quoted,
  type Values,
  valueCases,
} from "./place.js";

export function zsh(name: string, places: readonly Place[]): string {
  const values = valueCases(places).map(
    ([pattern, kind]) => `    ${pattern}) ${afterOption(name, kind)}; return ;;`,
  );
  const words = places.map(({ path, words: own, options, takesFiles }) => {
    const list = (of: typeof own) =>
      of
        .map(({ word, description }) => quoted(`${word}:${description.replaceAll(":", "\\:")}`))
        .join(" ");
    const files = takesFiles ? " files=1" : "";
    return `    ${quoted(path)}) choices=(${list(own)}) options=(${list(options)})${files} ;;`;
  });
  return `#compdef ${name}
# ${name}: completion for zsh. In ~/.zshrc, after compinit: source <(npx ${name} completion zsh)
_${name}() {
  local so_far="" word files=""
  local -a choices options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case ${quoted(pathList(places))} in
      *"|\${so_far:+$so_far }$word|"*) so_far="\${so_far:+$so_far }$word" ;;
    esac
  done
  case "$so_far \${words[CURRENT-1]}" in
${values.join("\n")}
  esac
  case "$so_far" in
${words.join("\n")}
  esac
  if [[ \${words[CURRENT]} == -* || ( -z $files && \${#choices} -eq 0 ) ]]; then
    choices=($choices $options)
  fi
  _describe ${name} choices || _files
}
compdef _${name} ${name}
_${name}_by_npx() {
  if [[ \${words[2]} == ${name} && $CURRENT -gt 2 ]]; then
    shift words
    (( CURRENT-- ))
    _${name}
  else
    _files
  fi
}
(( \${+_comps[npx]} )) || compdef _${name}_by_npx npx`;
}

function afterOption(name: string, values: Values): string {
  if (values === "files") return "_files";
  if (values === "unknown" || values === "none") return ":";
  const list =
    values === "agents"
      ? `\${(f)"$(${agentNames(AGENTS_FILE)})"}`
      : values.words.map(quoted).join(" ");
  return `choices=(${list}); _describe ${name} choices`;
}
