/**
 * Stands in for `src/adapters/system/program-part.ts` (vitest.config.ts says so): processes and
 * threads of a relay that runs inside of a test are started compiled, where `npm test` has compiled
 * it. With a TypeScript loader each takes several times as long.
 */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { inject } from "vitest";
import { type ProgramPart, programPart as part } from "../../src/adapters/system/program-part.js";

export { tsxUrl } from "../../src/adapters/system/program-part.js";

const SOURCES = resolve(import.meta.dirname, "../../src");

export function programPart(entry: URL): ProgramPart {
  const source = part(entry);
  const name = relative(SOURCES, source.file).replace(/\.ts$/, ".js");
  const file = join(inject("compiledRelay"), name);
  return existsSync(file) ? { file, execArgv: [] } : source;
}
