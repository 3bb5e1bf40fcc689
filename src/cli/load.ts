import { AgentsFileError, readAgentsFile } from "../config/agents/agents-file.js";
import { type Config, ConfigError, loadConfig, loadOperatorConfig } from "../config/load.js";
import type { AgentsFile } from "../domain/agent-profile.js";
import type { CliIo } from "./io.js";

export interface Loaded {
  readonly config: Config;
  readonly agents: AgentsFile;
}

/** Settings and agents file, or null once every fault has been said. */
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

/** All settings, or null once every fault has been said. */
export function loadSettings(io: CliIo): Config | null {
  return told(io, () => loadConfig(io.env));
}

/** Those that say where a running relay is; null once every fault of theirs has been said. */
export function loadOperatorSettings(io: CliIo): ReturnType<typeof loadOperatorConfig> | null {
  return told(io, () => loadOperatorConfig(io.env));
}

function told<T>(io: CliIo, load: () => T): T | null {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.err(error.message);
    io.err("All settings: docs/config.md. Put them into the environment or into a file .env here.");
    return null;
  }
}
