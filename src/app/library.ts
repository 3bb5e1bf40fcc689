/**
 * The exports of the package: tools for agents, and the relay as a part of your own program.
 * `index.cjs` at the root exports them to both module systems.
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
  /** Settings by their names in docs/config.md, as in `process.env`. An empty value is not set. */
  readonly settings: Readonly<Record<string, string | undefined>>;
  /**
   * Your own storage: called with the record of each ended call. If the promise rejects, the relay
   * logs it and keeps the record in its database.
   */
  readonly onCallCompleted?: (record: CallRecord) => Promise<void>;
}

export interface Relay {
  /**
   * Starts listening.
   *
   * @returns the ports; a setting of 0 takes a free one.
   * @throws  an Error when a port cannot be opened or the database cannot be reached.
   */
  start(): Promise<{ readonly publicPort: number; readonly adminPort: number }>;
  /**
   * Reloads the agents file: new calls get its agents.
   *
   * @throws an Error that lists every fault; then nothing has changed.
   */
  reload(): Promise<void>;
  /** Accepts no new calls. Resolves when the running calls are over, or after DRAIN_SECONDS. */
  drain(): Promise<void>;
  /**
   * Stops the relay. Callers who are still with an agent go to their fallback destination.
   * Idempotent.
   */
  stop(): Promise<void>;
}

/**
 * Creates a relay in this process: one worker, without a supervisor that restarts it. Call `start`
 * next.
 *
 * @throws an Error that lists every fault of the settings or of the agents file.
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
