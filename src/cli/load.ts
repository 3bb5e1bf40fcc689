import { AgentsFileError, readAgentsFile } from "../config/agents/agents-file.js";
import { ConfigError } from "../config/config-error.js";
import { type Config, loadConfig, loadOperatorConfig } from "../config/load.js";
import type { AgentsFile } from "../domain/agent-profile.js";
import type { CliIo } from "./io.js";

export interface Loaded {
  readonly config: Config;
  readonly agents: AgentsFile;
}

/** Settings and agents file, or null after every fault was printed. */
export function loadAll(io: CliIo): Loaded | null {
  const config = loadSettings(io);
  if (config === null) return null;
  try {
    return { config, agents: readAgentsFile(config, io.env) };
  } catch (error) {
    if (!(error instanceof AgentsFileError)) throw error;
    io.err(error.message);
    return null;
  }
}

/** All settings, or null after every fault was printed. */
export function loadSettings(io: CliIo): Config | null {
  return orPrintFaults(io, () => loadConfig(io.env));
}

/** The settings that say where a running relay is; null after every fault of theirs was printed. */
export function loadOperatorSettings(io: CliIo): ReturnType<typeof loadOperatorConfig> | null {
  return orPrintFaults(io, () => loadOperatorConfig(io.env));
}

function orPrintFaults<T>(io: CliIo, load: () => T): T | null {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.err(error.message);
    for (const notice of io.notices ?? []) io.err(notice);
    io.err(
      "All settings: npx murelay config print. Set them in the environment or in a file .env in this folder.",
    );
    return null;
  }
}
