import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type CliIo, EXIT_FAILED } from "./io.js";

/**
 * Commands that run the relay between simulators. Their parts are beside `src` and not part of
 * `dist`; `bin/` runs them from the sources. They are loaded only when they are run.
 */
const MAINS = {
  demo: "../../demo/main.ts",
  bench: "../../bench/load/main.ts",
  dev: "../../dev/dev-main.ts",
  test: "../../dev/test-main.ts",
} as const;

/** Loads the module of a command and calls its `main`, which takes what the module says. */
export async function runHarness(
  io: CliIo,
  name: keyof typeof MAINS,
  args: readonly unknown[],
): Promise<number> {
  const address = new URL(MAINS[name], import.meta.url);
  if (!import.meta.url.endsWith(".ts") || !existsSync(fileURLToPath(address))) {
    io.err(`${name} runs from the sources: npx murelay ${name}`);
    return EXIT_FAILED;
  }
  const loaded: unknown = await import(address.href);
  if (!isHarness(loaded)) throw new TypeError(`${address.pathname} exports no main`);
  return loaded.main(...args);
}

interface Harness {
  /** @returns the exit status. */
  main(...args: readonly unknown[]): Promise<number>;
}

function isHarness(value: unknown): value is Harness {
  return (
    typeof value === "object" &&
    value !== null &&
    "main" in value &&
    typeof value.main === "function"
  );
}
