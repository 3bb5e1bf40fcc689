/**
 * What `import … from "murelay"` gives: tools for agents, and the relay as a part of a program of
 * one's own. `index.cjs` at the root brings it to both module systems.
 */
import { createLog } from "../adapters/system/pino-log.js";
import { readAgentsFile } from "../config/agents/agents-file.js";
import { readAgentsApart } from "../config/agents/read-apart.js";
import { loadConfig } from "../config/load.js";
import type { CallRecord } from "../domain/call-record.js";
import { createApp } from "./app.js";

export type { CallRecord } from "../domain/call-record.js";
export type {
  JsonValue,
  ToolArguments,
  ToolContext,
  ToolDeclaration,
  ToolModule,
} from "../tools/tool.js";
export { defineTool } from "../tools/tool.js";

export interface RelayOptions {
  /** By the names of docs/config.md, for example `process.env`. An empty value counts as not set. */
  readonly settings: Readonly<Record<string, string | undefined>>;
  /**
   * Storage of your own: told of each call that is over, with its record. A rejection is logged, and
   * the record stays in the relay's database.
   */
  readonly onCallCompleted?: (record: CallRecord) => Promise<void>;
}

export interface Relay {
  /** Listens. Resolves with the ports; a setting of 0 takes a free one. */
  start(): Promise<{ readonly publicPort: number; readonly adminPort: number }>;
  /**
   * Reads the agents file again. New callers get its agents.
   *
   * @throws an error with every fault; nothing has changed then.
   */
  reload(): Promise<void>;
  /** Accepts no new calls. Resolves once the running calls are over, or after DRAIN_SECONDS. */
  drain(): Promise<void>;
  /** Callers who are still with an agent go to their fallback destination. Idempotent. */
  stop(): Promise<void>;
}

/**
 * The relay in this process: one worker, without a supervisor that restarts it.
 *
 * @throws an error with every fault of the settings or of the agents file.
 */
export async function createRelay({ settings, onCallCompleted }: RelayOptions): Promise<Relay> {
  const config = loadConfig(settings);
  const app = await createApp(config, readAgentsFile(config, settings), {
    log: createLog({ level: config.logLevel, pretty: config.logPretty }),
    ...(onCallCompleted === undefined
      ? {}
      : {
          completed: async (_call, record: string) =>
            await onCallCompleted(JSON.parse(record) as CallRecord),
        }),
  });
  return {
    start: async () => {
      const { publicPort, adminPort } = await app.start();
      return { publicPort, adminPort };
    },
    reload: async () => {
      const { file, checks } = await readAgentsApart(config, settings);
      await app.reload(file, checks);
    },
    drain: async () => await app.drain(),
    stop: async () => await app.stop(),
  };
}
