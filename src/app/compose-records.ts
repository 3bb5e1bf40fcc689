/**
 * What is kept of calls, put together: the journal that calls write to, the database behind it,
 * recordings, removal, and the operators' routes. Parts: `records/`, `adapters/store/`. Reference:
 * docs/records.md.
 */
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { FlightFiles } from "../adapters/journal/flight-files.js";
import { SpoolFiles } from "../adapters/journal/spool-files.js";
import type { Network } from "../adapters/network/network.js";
import { OpenAiTranscriptions } from "../adapters/openai/transcriptions.js";
import { type OpenStore, openStore } from "../adapters/store/open-store.js";
import { StoredPlacedCalls } from "../adapters/store/placed-calls.js";
import { StoredSipStates } from "../adapters/store/sip-states.js";
import { StoredSums } from "../adapters/store/stored-sums.js";
import { StoredTransferStates } from "../adapters/store/transfer-states.js";
import { inSlices } from "../adapters/system/slices.js";
import { TwilioRecordings } from "../adapters/twilio/recordings.js";
import { spoolDirectory, twilioAccount } from "../config/derived.js";
import type { Config } from "../config/load.js";
import type { AgentsFile } from "../domain/agent-profile.js";
import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type { CallJournal } from "../domain/record-event.js";
import { historyRoutes } from "../http/history-routes.js";
import type { OperatorRoute } from "../http/operator-router.js";
import type { Clock } from "../ports/clock.js";
import type { Crm } from "../ports/crm.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { AuditStore, SharedState } from "../ports/store.js";
import type { CallControl } from "../ports/twilio.js";
import { CompletionNotifier } from "../records/completion-notifier.js";
import type { PriceTable } from "../records/cost.js";
import { RecordWriter } from "../records/record-writer.js";
import { RecordingStarter } from "../records/recording-starter.js";
import { Recordings } from "../records/recordings.js";
import { createRedact, STANDARD_REDACT } from "../records/redact.js";
import { RetentionJob } from "../records/retention-job.js";
import { SearchIndexJob } from "../records/search-index-job.js";
import type { PlacedCalls } from "../relay/calls/outbound.js";
import type { SharedSums } from "../relay/calls/shared-sums.js";
import type { TransferStates } from "../relay/calls/transfer-service.js";
import type { SipStates } from "../relay/sip/sip-states.js";
import type { OrderBook } from "../tools/sample-tools.js";
import { composeInspector } from "./compose-inspector.js";

export interface RecordKeeping {
  /** For calls: never waits. */
  readonly journal: CallJournal;
  /** The orders of the sample tools, in the same database. */
  readonly orders: OrderBook;
  /** Stored state of transfers, by which they survive their process. */
  readonly transfers: TransferStates;
  /** Outbound calls that have not been answered yet. */
  readonly placedCalls: PlacedCalls;
  readonly sums: SharedSums;
  /** Stored state of calls on the SIP path. */
  readonly sipCalls: SipStates;
  /** The storage of the audit log. */
  readonly audit: AuditStore;
  /** Small values that all processes share. */
  readonly state: SharedState;
  /** The record of a call, including events that the database does not have yet. */
  find(callSid: CallSid): Promise<CallRecord | null>;
  readonly routes: readonly OperatorRoute[];
  /** Why record events may be lost, for `/ready`; null: they are safe. */
  trouble(): "database" | "disk" | null;
  /** POST /recording-status. */
  recordingStatus(callSid: CallSid, form: Readonly<Record<string, string>>): void;
  /** Set before `start`: called for each call of a dead process, once its record has been ended. */
  onRecovered(tell: (callSid: CallSid) => void): void;
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
  /** Called for each ended call; null: no system needs it. */
  readonly completed: Crm["completed"] | null;
}

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
  const store = await openDatabase(config, deps);
  const spool = await openSpool(config, deps);
  let notifier: CompletionNotifier | null = null;
  const tellRecovered = [(callSid: CallSid): void => void notifier?.notify(callSid)];
  const recorder = new RecordWriter(
    { store, spool, clock, log, metrics, recovered: toAll(tellRecovered), inSlices },
    {
      node: config.nodeName,
      prices: deps.prices,
      redact: createRedact(agents.redact ?? STANDARD_REDACT),
    },
  );
  const directory = resolve(config.recordingsDir);
  const source = recordingSource(config, deps.network, directory);
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
    { recordsDays: null, recordingsDays: null, auditDays: null, ...agents.retention },
  );
  const searchIndex = new SearchIndexJob(store, clock, log);
  if (deps.completed !== null) {
    const load = (callSid: CallSid) => completedRecord(callSid, recorder, store);
    notifier = new CompletionNotifier(recorder, load, deps.completed, log);
  }
  const find = async (callSid: CallSid): Promise<CallRecord | null> =>
    recorder.record(callSid) ?? (await store.load(callSid))?.record ?? null;
  const inspector = composeInspector({ find, flights, directory, clock, source });
  return {
    find,
    journal: new RecordingStarter(notifier ?? recorder, {
      agentOf: (name) => agents.agents.get(name),
      control: deps.control,
      callbackUrl: `${config.publicUrl}/recording-status`,
      clock,
      log,
    }),
    ...sharedParts(store, clock, log),
    routes: [
      ...historyRoutes({
        store,
        live: (callSid) => recorder.record(callSid),
        remove: (callSid) => retention.remove(callSid),
        epochMs: () => clock.epochMs(),
        newId: randomUUID,
      }),
      ...inspector.routes,
    ],
    trouble: () => {
      const { database, disk } = recorder.health();
      return !database ? "database" : disk ? null : "disk";
    },
    recordingStatus: (callSid, form) => recordings.callback(callSid, form),
    onRecovered: (tell) => void tellRecovered.push(tell),
    start: () => {
      recorder.start();
      recordings.start();
      retention.start();
      searchIndex.start();
    },
    stop: async () => {
      await recordings.stop();
      await retention.stop();
      await searchIndex.stop();
      await recorder.close();
      await store.close();
      await inspector.close();
    },
  };
}

function toAll(listeners: readonly ((callSid: CallSid) => void)[]): (callSid: CallSid) => void {
  return (callSid) => {
    for (const tell of listeners) tell(callSid);
  };
}

/** What the processes share by the database. */
function sharedParts(store: OpenStore, clock: Clock, log: Log) {
  const sums = new StoredSums(store, clock);
  return {
    orders: store.orders,
    transfers: new StoredTransferStates(store, sums, log),
    placedCalls: new StoredPlacedCalls(store),
    sums,
    sipCalls: new StoredSipStates(store, log),
    audit: store,
    state: store,
  };
}

async function openDatabase(
  { databaseUrl }: Config,
  { clock, log, metrics }: RecordKeepingDeps,
): Promise<OpenStore> {
  return await openStore(databaseUrl, (error) => log.warn("store: connection lost", {}, error), {
    nowMs: () => clock.nowMs(),
    observe: (seconds, operation) => metrics.storeSeconds.observe(seconds, operation),
  });
}

async function openSpool(config: Config, { clock, log }: RecordKeepingDeps): Promise<SpoolFiles> {
  return await SpoolFiles.open(spoolDirectory(config), config.nodeName, {
    epochMs: () => clock.epochMs(),
    // A SIGKILL then loses the last 300 ms of records.
    noMemory: (error) => log.warn("journal: no shared memory", {}, error),
  });
}

function recordingSource(config: Config, network: Network, directory: string): TwilioRecordings {
  const account = twilioAccount(config);
  return new TwilioRecordings({
    baseUrl: account.baseUrl,
    accountSid: account.accountSid,
    user: account.apiKey ?? account.accountSid,
    password: account.apiSecret ?? account.authToken,
    directory,
    network,
  });
}

/** The record of a call that is over, as the customer database is told of it. */
async function completedRecord(
  callSid: CallSid,
  recorder: RecordWriter,
  store: OpenStore,
): Promise<CallRecord | null> {
  const here = recorder.record(callSid);
  if (here !== null) return here;
  // Another process may have begun the call. Its events and those of this process are combined in
  // the database, so what this process has is written first.
  await recorder.flush();
  return (await store.load(callSid))?.record ?? null;
}
