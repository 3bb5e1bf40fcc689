import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Source {
  /** Relative to the folder that was read, with `/`. */
  readonly path: string;
  readonly text: string;
}

const TOKENS =
  /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;

export function withoutComments(text: string): string {
  return text.replace(TOKENS, (_, string: string | undefined) => string ?? " ");
}

/** Template literals stay: they may hold code. */
export function withoutStrings(text: string): string {
  return text.replace(TOKENS, (token, string: string | undefined) =>
    string === undefined ? " " : string.startsWith("`") ? token : '""',
  );
}

/** What a source imports or passes on, as it is written; imports of types too. */
export function imports(text: string): string[] {
  const from = /(?<![.\w$])(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/g;
  const bare = /(?<![.\w$])import\s*["']([^"']+)["']/g;
  const called = /(?<![.\w$])(?:import|require|createRequire\([^)]*\))\s*\(\s*["'`]([^"'`]+)["'`]/g;
  const code = withoutComments(text);
  return [from, bare, called].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => match[1]!),
  );
}

/** The file that a relative import leads to, its path made as that of the importing file is. */
export function targetOf(path: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(path), specifier)).replace(/\.js$/, ".ts");
}

/**
 * Packages are left out: those of bench/peers are installed at the first use.
 *
 * @param folder  "" for the whole project is not meant: it holds node_modules.
 */
export function sources(folder: string, kinds = /\.ts$/): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && kinds.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.slice(ROOT.length).includes("node_modules"))
    .map((file) => ({
      path: file.slice(join(ROOT, folder).length + 1).replaceAll("\\", "/"),
      text: readFileSync(file, "utf8"),
    }));
}

/** As `sources`, with paths relative to the project. */
export function projectSources(folders: readonly string[], kinds?: RegExp): Source[] {
  return folders
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) =>
      sources(folder, kinds).map(({ path, text }) => ({ path: `${folder}/${path}`, text })),
    );
}
