import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type CliIo, EXIT_FAILED } from "./io.js";

/** Demo and load harness are beside `src` and not part of `dist`. They are loaded only when they are run. */
const MAINS = { demo: "../../demo/main.ts", bench: "../../bench/load/main.ts" } as const;

/** @param args  as given on the command line; the harness parses them itself. */
export async function runHarness(
  io: CliIo,
  name: keyof typeof MAINS,
  args: readonly string[],
): Promise<number> {
  const address = new URL(MAINS[name], import.meta.url);
  if (!import.meta.url.endsWith(".ts") || !existsSync(fileURLToPath(address))) {
    io.err(`${name} runs from a checkout of the sources: npm run ${name}`);
    return EXIT_FAILED;
  }
  const loaded: unknown = await import(address.href);
  if (!isHarness(loaded)) throw new TypeError(`${address.pathname} exports no main(args)`);
  return loaded.main(args, io);
}

interface Harness {
  /** @returns the exit status. */
  main(args: readonly string[], io: CliIo): Promise<number>;
}

function isHarness(value: unknown): value is Harness {
  return (
    typeof value === "object" &&
    value !== null &&
    "main" in value &&
    typeof value.main === "function"
  );
}
