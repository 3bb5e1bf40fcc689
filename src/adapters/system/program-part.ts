/** Modules of this program that run in processes or threads of their own. */
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

export interface ProgramPart {
  /** Its file. */
  readonly file: string;
  /** What Node needs on its command line to run it. */
  readonly execArgv: readonly string[];
}

/**
 * A part as it is started: compiled, or from the sources while this program runs from them.
 *
 * @param entry  the address of the module, without its suffix.
 */
export function programPart(entry: URL): ProgramPart {
  const isTypeScript = import.meta.url.endsWith(".ts");
  return {
    file: fileURLToPath(`${entry.href}${isTypeScript ? ".ts" : ".js"}`),
    execArgv: isTypeScript ? [`--import=${tsxUrl()}`] : [],
  };
}

/** Of the TypeScript loader, for `--import`. */
export function tsxUrl(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
}
