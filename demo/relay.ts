/** The relay of a demo, between the simulated Twilio and the simulated model. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SimulatedModel } from "../sim/model.js";
import type { SimulatedTwilio } from "../sim/twilio.js";
import { FlightFiles } from "../src/adapters/journal/flight-files.js";
import { createLog } from "../src/adapters/system/pino-log.js";
import { systemClock } from "../src/adapters/system/system-clock.js";
import { type App, createApp } from "../src/app/app.js";
import type { AppOverrides } from "../src/app/app-overrides.js";
import { composeInspector } from "../src/app/compose-inspector.js";
import { loadAgentsFile } from "../src/config/agents/agents-file.js";
import { readPriceTable } from "../src/config/agents/price-table.js";
import { type Config, loadConfig } from "../src/config/load.js";
import type { AgentsFile } from "../src/domain/agent-profile.js";
import type { CallSid } from "../src/domain/ids.js";
import type { RecordEvent } from "../src/domain/record-event.js";
import { historyRoutes } from "../src/http/history-routes.js";
import { memoryCalls } from "../src/records/memory-calls.js";
import { MemoryJournal } from "../src/records/memory-journal.js";
import type { Timeline } from "./timeline.js";

/** The relay's address as Twilio knows it; the simulated Twilio maps it to the real one. */
export const PUBLIC_URL = "https://relay.example";

/** Where a demo writes its files. */
export const DEMO_FOLDER = join("data", "demo");

export interface DemoRelay {
  readonly app: App;
  readonly journal: MemoryJournal;
  /** Its public listener's origin. */
  readonly origin: string;
  readonly adminPort: number;
}

/**
 * The settings of every demo: free ports on loopback, and the simulated Twilio. RECORDINGS_DIR is
 * DEMO_FOLDER, and one caller is let in however busy the machine is.
 */
export function demoSettings(twilio: SimulatedTwilio): Readonly<Record<string, string>> {
  return {
    HOST: "127.0.0.1",
    PORT: "0",
    ADMIN_PORT: "0",
    PUBLIC_URL,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_AUTH_TOKEN: twilio.authToken,
    TWILIO_API_BASE_URL: twilio.apiBaseUrl,
    RECORDINGS_DIR: DEMO_FOLDER,
    OVERLOAD_PERCENT: "100",
  };
}

/**
 * Starts the relay between the simulated Twilio and the simulated model.
 *
 * @param agentsFile  its name, beside this file.
 * @param settings    of this demo alone.
 */
export async function startRelay(
  model: Pick<SimulatedModel, "apiKey" | "url">,
  twilio: SimulatedTwilio,
  timeline: Timeline,
  agentsFile: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<DemoRelay> {
  const config = loadConfig({
    ...demoSettings(twilio),
    OPENAI_API_KEY: model.apiKey,
    OPENAI_REALTIME_URL: model.url,
    ...settings,
  });
  return runRelay(config, demoAgents(agentsFile, config), twilio, {
    onEvent: (_callSid, event) => timeline.event(event),
  });
}

/** The agents of a file beside this one. */
export function demoAgents(name: string, config: Config): AgentsFile {
  const path = fileURLToPath(new URL(name, import.meta.url));
  return loadAgentsFile(readFileSync(path, "utf8"), path, {
    env: {},
    defaults: {
      model: config.openaiRealtimeModel,
      humanAgentNumber: null,
      maxCallMinutes: config.maxCallMinutes,
    },
  });
}

/**
 * Runs the relay; its records stay in memory. Every call is flight-recorded unless the overrides
 * say otherwise.
 *
 * @param watch  `onEvent` is told each event of a record as it is written.
 */
export async function runRelay(
  config: Config,
  agents: AgentsFile,
  twilio: SimulatedTwilio,
  watch: { readonly onEvent?: (callSid: CallSid, event: RecordEvent) => void },
  overrides: AppOverrides = {},
): Promise<DemoRelay> {
  const journal = new MemoryJournal({ prices: readPriceTable(), ...watch });
  const log = overrides.log ?? createLog({ level: "warn", pretty: true });
  const flights = new FlightFiles(config.recordingsDir, config.nodeName, log);
  const app = await createApp(config, agents, {
    journal,
    phone: true,
    recordFlights: true,
    ...overrides,
    log,
    routes: [
      ...historyRoutes({
        store: memoryCalls(journal),
        live: (callSid) => journal.record(callSid),
        remove: async (callSid) => journal.remove(callSid),
        epochMs: Date.now,
        newId: randomUUID,
      }),
      ...composeInspector({
        find: async (callSid) => journal.record(callSid),
        flights,
        directory: config.recordingsDir,
        clock: systemClock,
        source: null,
      }).routes,
    ],
  });
  const { publicPort, adminPort } = await app.start();
  const origin = `http://127.0.0.1:${publicPort}`;
  twilio.route(PUBLIC_URL, origin);
  return { app, journal, origin, adminPort };
}
