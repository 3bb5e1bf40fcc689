/** What a shell may complete. */

/**
 * What follows an option: one of these words, a file, the name of an agent, something that cannot
 * be known, or nothing.
 */
export type Values =
  | { readonly words: readonly string[] }
  | "files"
  | "agents"
  | "unknown"
  | "none";

export interface Word {
  readonly word: string;
  readonly description: string;
}

/** What may follow a command. */
export interface Place {
  /** The words of the command: "" for the program itself, "calls show". */
  readonly path: string;
  /** The commands below it, and the values of its arguments. */
  readonly words: readonly Word[];
  readonly takesFiles: boolean;
  readonly options: readonly (Word & { readonly values: Values })[];
}

/**
 * A command that prints the names of the agents of a file, a line each, without starting Node: keys
 * that begin as far right as the first one under `agents:`. A file in another layout has none. Only
 * plain names are printed: bash runs a command that stands in what it completes.
 *
 * @param file  as the shell writes it.
 */
export function agentNames(file: string): string {
  return (
    `awk '/^agents:/ {on=1; next} /^[^ #]/ {on=0} ` +
    `on && match($0, /^ +[A-Za-z0-9_"-]/) {if (!at) at=RLENGTH; ` +
    `if (RLENGTH==at && sub(/:.*/, "")) {gsub(/[ "]/, ""); ` +
    `if ($0 ~ /^[A-Za-z0-9_-]+$/) print}}' ${file} 2>/dev/null`
  );
}

/** Of bash and zsh. */
export const AGENTS_FILE = '"$' + '{AGENTS_FILE:-agents.yaml}"';

/** `|calls|calls list|…|`: a command is in it with a bar on either side. */
export function pathList(places: readonly Place[]): string {
  return `|${commandPaths(places).join("|")}|`;
}

export function commandPaths(places: readonly Place[]): string[] {
  return places.map(({ path }) => path).filter((path) => path !== "");
}

/** Options with the same values: `'dev --model'|'test --model'` as patterns of a shell's `case`. */
export function valueCases(places: readonly Place[]): readonly (readonly [string, Values])[] {
  const cases = new Map<string, { patterns: string[]; values: Values }>();
  // The program's own options may stand behind every command.
  const anywhere = new Set(places.find(({ path }) => path === "")?.options.map(({ word }) => word));
  for (const { path, options } of places)
    for (const { word, values } of options) {
      if (values === "none" || (path !== "" && anywhere.has(word))) continue;
      const key = JSON.stringify(values);
      const found = cases.get(key) ?? { patterns: [], values };
      found.patterns.push(path === "" ? `*${quoted(` ${word}`)}` : quoted(`${path} ${word}`));
      cases.set(key, found);
    }
  return [...cases.values()].map(({ patterns, values }) => [patterns.join("|"), values] as const);
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
