/**
 * What is kept of calls, put together: the journal that calls write to, the database behind it,
 * recordings, removal, and the operators' routes. Parts: `records/`, `adapters/store/`. Reference:
 * docs/records.md.
 */
import { createHash } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { FlightFiles } from "../adapters/journal/flight-files.js";
import { SpoolFiles } from "../adapters/journal/spool-files.js";
import type { Network } from "../adapters/network/network.js";
import { OpenAiTranscriptions } from "../adapters/openai/transcriptions.js";
import { openStore } from "../adapters/store/open-store.js";
import { StoredSipStates } from "../adapters/store/sip-states.js";
import { TwilioRecordings } from "../adapters/twilio/recordings.js";
import { twilioAccount } from "../config/derived.js";
import type { Config } from "../config/load.js";
import type { AgentsFile } from "../domain/agent-profile.js";
import type { CallSid } from "../domain/ids.js";
import type { CallJournal } from "../domain/record-event.js";
import type { OperatorRoute } from "../http/operator-router.js";
import { recordRoutes } from "../http/record-routes.js";
import { recordingRoute } from "../http/recording-route.js";
import type { Clock } from "../ports/clock.js";
import type { Crm } from "../ports/crm.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { CallControl } from "../ports/twilio.js";
import { CompletionNotifier } from "../records/completion-notifier.js";
import type { PriceTable } from "../records/cost.js";
import { RecordWriter } from "../records/record-writer.js";
import { RecordingStarter } from "../records/recording-starter.js";
import { Recordings } from "../records/recordings.js";
import { createRedact, STANDARD_REDACT } from "../records/redact.js";
import { RetentionJob } from "../records/retention-job.js";
import type { PlacedCall, PlacedCalls } from "../relay/calls/outbound.js";
import type { TransferStates } from "../relay/calls/transfer-service.js";
import type { SipStates } from "../relay/sip/sip-states.js";
import type { OrderBook } from "../tools/sample-tools.js";

export interface RecordKeeping {
  /** For calls: never waits. */
  readonly journal: CallJournal;
  /** The samples' shop, in the same database. */
  readonly orders: OrderBook;
  /** Where transfers survive their process. */
  readonly transfers: TransferStates;
  /** Where calls that were placed wait for somebody to answer. */
  readonly placedCalls: PlacedCalls;
  /** Where callers on the SIP path survive it. */
  readonly sipCalls: SipStates;
  readonly routes: readonly OperatorRoute[];
  /** Null, or why records are in danger: for /ready. */
  trouble(): "database" | "disk" | null;
  /** POST /recording-status. */
  recordingStatus(callSid: CallSid, form: Readonly<Record<string, string>>): void;
  start(): void;
  /** Writes what is left; what the database does not take waits on disk for the next start. */
  stop(): Promise<void>;
}

export interface RecordKeepingDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly network: Network;
  readonly control: CallControl;
  readonly prices: PriceTable;
  /** Told of calls that are over; null: nobody. */
  readonly completed: Crm["completed"] | null;
}

const HOUR_MS = 3_600_000;
/** A transfer is over after four hours: `<Dial>`'s own time limit. */
const TRANSFER_TTL_MS = 4 * 3_600_000 + 600_000;

/**
 * @throws RelayError config_invalid or store_unavailable when the database or the directory for
 * records cannot be opened.
 */
export async function openRecordKeeping(
  config: Config,
  agents: AgentsFile,
  deps: RecordKeepingDeps,
): Promise<RecordKeeping> {
  const { clock, log, metrics } = deps;
  const store = await openStore(
    config.databaseUrl,
    (error) => log.warn("store: connection lost", {}, error),
    {
      nowMs: () => clock.nowMs(),
      observe: (seconds, operation) => metrics.storeSeconds.observe(seconds, operation),
    },
  );
  const spool = await SpoolFiles.open(join(dataDirectory(config), "spool"), config.nodeName, {
    epochMs: () => clock.epochMs(),
    noMemory: (error) =>
      log.warn(
        "no memory outlives this process: a SIGKILL takes the last 300 ms of records",
        {},
        error,
      ),
  });
  let notifier: CompletionNotifier | null = null;
  const recovered = (callSid: CallSid): void => void notifier?.notify(callSid);
  const recorder = new RecordWriter(
    { store, spool, clock, log, metrics, recovered },
    {
      node: config.nodeName,
      prices: deps.prices,
      redact: createRedact(agents.redact ?? STANDARD_REDACT),
    },
  );
  const account = twilioAccount(config);
  const directory = resolve(config.recordingsDir);
  const source = new TwilioRecordings({
    baseUrl: account.baseUrl,
    accountSid: account.accountSid,
    user: account.apiKey ?? account.accountSid,
    password: account.apiSecret ?? account.authToken,
    directory,
    network: deps.network,
  });
  const recordings = new Recordings({
    store,
    source,
    transcriber: new OpenAiTranscriptions({
      baseUrl: config.openaiBaseUrl,
      apiKey: config.openaiApiKey,
      directory,
      network: deps.network,
    }),
    journal: recorder,
    flush: () => recorder.flush(),
    agentOf: (name) => agents.agents.get(name),
    clock,
    log,
    writer: spool.writer,
  });
  const flights = new FlightFiles(directory, config.nodeName, log);
  const retention = new RetentionJob(
    {
      store,
      source,
      removeFlight: (callSid) => flights.remove(callSid),
      removeFlightsBefore: (epochMs) => flights.removeBefore(epochMs),
      journal: recorder,
      clock,
      log,
    },
    {
      recordsDays: agents.retention?.recordsDays ?? null,
      recordingsDays: agents.retention?.recordingsDays ?? null,
    },
  );
  if (deps.completed !== null) {
    const record = async (callSid: CallSid) => {
      const here = recorder.record(callSid);
      if (here !== null) return here;
      // What was just told of a call that another process began is put together with the rest
      // first.
      await recorder.flush();
      return (await store.load(callSid))?.record ?? null;
    };
    notifier = new CompletionNotifier(recorder, record, deps.completed, log);
  }
  const key = (callSid: CallSid): string => `transfer:${callSid}`;
  return {
    journal: new RecordingStarter(notifier ?? recorder, {
      agentOf: (name) => agents.agents.get(name),
      control: deps.control,
      callbackUrl: `${config.publicUrl}/recording-status`,
      clock,
      log,
    }),
    orders: store.orders,
    transfers: {
      keep: (callSid, snapshot) => {
        const stored = store.putState(key(callSid), JSON.stringify(snapshot), TRANSFER_TTL_MS);
        // The transfer goes on without: only another process could not take it over.
        stored.catch((error: unknown) =>
          log.warn("a transfer's state was not stored", { callSid }, error),
        );
      },
      find: async (callSid) => {
        const found = await store.getState(key(callSid));
        return found === null ? null : JSON.parse(found.value);
      },
      count: async (destination) => {
        const hour = Math.floor(clock.epochMs() / HOUR_MS);
        const digest = createHash("sha256").update(destination).digest("hex").slice(0, 32);
        const counter = `transfers:${digest}:${hour}`;
        // Each write makes it one version more.
        await store.putState(counter, "", HOUR_MS);
        return (await store.getState(counter))?.version ?? 0;
      },
    },
    placedCalls: {
      keep: async (id, placed, ttlMs) => {
        await store.putState(`outbound:${id}`, JSON.stringify(placed), ttlMs);
      },
      take: async (id) => {
        const found = await store.getState(`outbound:${id}`);
        // Written by `keep`.
        if (found !== null) await store.removeState(`outbound:${id}`);
        return found === null ? null : (JSON.parse(found.value) as PlacedCall);
      },
    },
    sipCalls: new StoredSipStates(store, log),
    routes: [
      ...recordRoutes({
        store,
        live: (callSid) => recorder.record(callSid),
        remove: (callSid) => retention.remove(callSid),
      }),
      recordingRoute({
        find: async (callSid) =>
          recorder.record(callSid) ?? (await store.load(callSid))?.record ?? null,
        read: async (file, fromByte, maxBytes) => await source.read(file, fromByte, maxBytes),
      }),
    ],
    trouble: () => {
      const { database, disk } = recorder.health();
      return !database ? "database" : disk ? null : "disk";
    },
    recordingStatus: (callSid, form) => recordings.callback(callSid, form),
    start: () => {
      recorder.start();
      recordings.start();
      retention.start();
    },
    stop: async () => {
      await recordings.stop();
      await retention.stop();
      await recorder.close();
      await store.close();
    },
  };
}

/** Beside an SQLite file; beside the recordings where the database is elsewhere. */
function dataDirectory(config: Config): string {
  const file = /^(?:sqlite:)?(?!postgres)(.+)$/.exec(config.databaseUrl)?.[1];
  if (file === undefined || file === ":memory:") return resolve(config.recordingsDir, "..");
  return dirname(resolve(file));
}
