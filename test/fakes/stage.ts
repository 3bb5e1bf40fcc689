import { randomUUID } from "node:crypto";
import type { Script } from "../../sim/model/script.js";
import { type ModelOptions, type SimulatedModel, startModel } from "../../sim/model.js";
import { type SimulatedTwilio, startTwilio, type TwilioOptions } from "../../sim/twilio.js";
import { type App, createApp } from "../../src/app/app.js";
import type { AppOverrides } from "../../src/app/app-overrides.js";
import { loadConfig } from "../../src/config/load.js";
import type { AgentsFile } from "../../src/domain/agent-profile.js";
import type { CallRecord } from "../../src/domain/call-record.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import { type HistoryRouteParts, historyRoutes } from "../../src/http/history-routes.js";
import type { OperatorRoute } from "../../src/http/operator-router.js";
import { timelineRoute } from "../../src/http/timeline-route.js";
import { memoryCalls } from "../../src/records/memory-calls.js";
import { MemoryJournal } from "../../src/records/memory-journal.js";
import { agent } from "./call-bench.js";
import { FakeLog } from "./fake-ports.js";

export const PUBLIC_URL = "https://relay.test";
export const DESK = "+12025550123";

export interface Stage {
  readonly model: SimulatedModel;
  readonly twilio: SimulatedTwilio;
  readonly app: App;
  readonly log: FakeLog;
  readonly publicPort: number;
  readonly adminPort: number;
  /** The environment that the relay was started with, for another node. */
  readonly settings: Readonly<Record<string, string>>;
  readonly agents: AgentsFile;
  record(callSid: string): CallRecord;
  /** The first such event of a call, past or to come. */
  until(callSid: string, type: RecordEvent["type"]): Promise<RecordEvent>;
  /** All events of a call so far, as they were written. */
  written(callSid: string): readonly RecordEvent[];
  /** The text of /metrics. */
  metrics(): Promise<string>;
  close(): Promise<void>;
}

/** What the operators' routes ask, out of memory. */
function recordsOf(journal: MemoryJournal): HistoryRouteParts {
  return {
    store: memoryCalls(journal),
    live: (callSid) => journal.record(callSid),
    remove: async (callSid) => journal.remove(callSid),
    epochMs: Date.now,
    newId: randomUUID,
  };
}

function memoryRoutes(journal: MemoryJournal): readonly OperatorRoute[] {
  const find = async (callSid: CallSid) => journal.record(callSid);
  return [
    ...historyRoutes(recordsOf(journal)),
    timelineRoute({ find, flight: async () => null, recorded: async () => null }),
  ];
}

/** The real relay on free ports, between the simulators. */
export async function startStage(
  script: Script | (() => Script),
  options: {
    readonly agents?: AgentsFile;
    readonly env?: Readonly<Record<string, string>>;
    readonly model?: Partial<ModelOptions>;
    readonly twilio?: Partial<TwilioOptions>;
    readonly overrides?: AppOverrides;
    /** More on the operator listener. */
    readonly routes?: readonly OperatorRoute[];
    /** The model's webhooks reach the relay too. */
    readonly sip?: boolean;
    /** Records go into a database, as in production; `record` and `until` know nothing of them. */
    readonly database?: boolean;
  } = {},
): Promise<Stage> {
  const model = await startModel({ script, ...options.model });
  const twilio = await startTwilio({
    publicUrl: PUBLIC_URL,
    speed: 20,
    sip: model.sip.invite,
    ...options.twilio,
  });
  const tools = ["lookup_order", "book_appointment", "transfer_call", "end_call"].map((name) => ({
    name,
    description: "",
    parameters: {},
    source: { kind: "builtin" as const },
    timeoutMs: 3_000,
    sayWhileWaiting: null,
  }));
  const profile = agent({ tools, transcription: { model: "gpt-live-transcribe", language: null } });
  const agents: AgentsFile = options.agents ?? {
    agents: new Map([[profile.name, profile]]),
    numbers: new Map(),
    defaultAgent: profile.name,
  };
  const waiting: { callSid: string; type: string; resolve: (event: RecordEvent) => void }[] = [];
  const past: [CallSid, RecordEvent][] = [];
  const journal = new MemoryJournal({
    onEvent: (callSid, event) => {
      past.push([callSid, event]);
      for (const [i, waiter] of [...waiting.entries()].reverse()) {
        if (waiter.callSid !== callSid || waiter.type !== event.type) continue;
        waiting.splice(i, 1);
        waiter.resolve(event);
      }
    },
  });
  const log = new FakeLog();
  const settings = {
    HOST: "127.0.0.1",
    PORT: "0",
    ADMIN_PORT: "0",
    // Peers and other tests share the event loop: how busy it is says nothing of the relay.
    OVERLOAD_PERCENT: "100",
    PUBLIC_URL,
    OPENAI_API_KEY: model.apiKey,
    OPENAI_REALTIME_URL: model.url,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_AUTH_TOKEN: twilio.authToken,
    TWILIO_API_BASE_URL: twilio.apiBaseUrl,
    ...(options.sip === true
      ? {
          OPENAI_BASE_URL: model.baseUrl,
          OPENAI_WEBHOOK_SECRET: model.sip.secret,
          OPENAI_PROJECT_ID: model.sip.projectId,
        }
      : {}),
    ...options.env,
  };
  const app = await createApp(loadConfig(settings), agents, {
    ...(options.database === true
      ? {}
      : { journal, routes: [...memoryRoutes(journal), ...(options.routes ?? [])] }),
    log,
    ...options.overrides,
  });
  const { publicPort, adminPort } = await app.start();
  twilio.route(PUBLIC_URL, `http://127.0.0.1:${publicPort}`);
  if (options.sip === true) model.sip.deliverTo(`http://127.0.0.1:${publicPort}/openai/webhook`);
  return {
    model,
    twilio,
    app,
    log,
    publicPort,
    adminPort,
    settings,
    agents,
    record: (callSid) => {
      const record = journal.record(callSid as CallSid);
      if (record === null) throw new Error("no record of that call");
      return record;
    },
    until: (callSid, type) => {
      const there = past.find(([sid, event]) => sid === callSid && event.type === type);
      if (there !== undefined) return Promise.resolve(there[1]);
      return new Promise((resolve) => waiting.push({ callSid, type, resolve }));
    },
    written: (callSid) => past.filter(([sid]) => sid === callSid).map(([, event]) => event),
    metrics: async () => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text(),
    close: async () => {
      await twilio.close();
      await app.stop();
      await model.close();
    },
  };
}
