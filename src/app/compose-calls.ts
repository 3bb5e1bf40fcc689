/**
 * The calls of this process, put together: registry, sessions with models, tools, transfers, and
 * both paths.
 */
import { createPeerDialer } from "../adapters/cluster/peer-dialer.js";
import { FlightFiles } from "../adapters/journal/flight-files.js";
import { createModelSocketDialer } from "../adapters/openai/model-socket.js";
import { createOpenAiCalls } from "../adapters/openai/sip-calls.js";
import { inSlices } from "../adapters/system/slices.js";
import { numberPlans } from "../config/agents/number-plans.js";
import { mediaUrlFor, twilioAuthTokens } from "../config/derived.js";
import type { AgentsFile } from "../domain/agent-profile.js";
import type { CallJournal } from "../domain/record-event.js";
import { VERSION } from "../domain/version.js";
import { BlockPool } from "../playout/block-pool.js";
import { flightRecorder } from "../recorder/call-recorder.js";
import { tokenCostUsd, transcriptionCostUsd } from "../records/cost.js";
import type { CallDeps } from "../relay/call/call-deps.js";
import { Admission } from "../relay/calls/admission.js";
import type { CallService, SipCallService } from "../relay/calls/call-service.js";
import { Calls, type SipDeps } from "../relay/calls/calls.js";
import { ClusterRouter } from "../relay/calls/cluster-router.js";
import { DailySpending } from "../relay/calls/daily-spending.js";
import { Drain } from "../relay/calls/drain.js";
import { Listening } from "../relay/calls/listening.js";
import type { MachineLimits } from "../relay/calls/machine-limits.js";
import { Outbound } from "../relay/calls/outbound.js";
import { OutboundPolicy } from "../relay/calls/outbound-policy.js";
import { PeerStreams } from "../relay/calls/peer-streams.js";
import { CallRegistry } from "../relay/calls/registry.js";
import { MemorySums, type SharedSums } from "../relay/calls/shared-sums.js";
import type { TransferCalls } from "../relay/calls/transfer-service.js";
import { Transfers, type TransfersDeps } from "../relay/calls/transfers.js";
import { FrameTicker } from "../relay/media/frame-ticker.js";
import { RealtimeSessions } from "../relay/model/openai-realtime/realtime-sessions.js";
import { MemoryOrderBook } from "../tools/memory-orders.js";
import { beginAgentSeries } from "./agent-series.js";
import type { AppOverrides } from "./app-overrides.js";
import type { Base } from "./compose-base.js";
import type { ClusterParts } from "./compose-cluster.js";
import type { RecordKeeping } from "./compose-records.js";
import { Toolbox } from "./compose-tools.js";

export interface CallParts {
  readonly calls: Calls;
  /** What the edge talks to: the calls of this process, or of the cluster. */
  readonly service: CallService & SipCallService;
  readonly listening: Listening;
  /** Null: this is the only process. */
  readonly streams: PeerStreams | null;
  readonly outbound: Outbound;
  readonly flightFiles: FlightFiles;
  /**
   * Prepares what the agents of a file need, in slices: calls may be running. New callers get them
   * once the file is in force.
   *
   * @param checks  compiled checks of its JSON Schemas; null: compiled here, while no calls run.
   * @throws RelayError config_invalid when a tool cannot be built or a directory not be created.
   */
  readonly loadAgents: (
    file: AgentsFile,
    checks: ReadonlyMap<string, string> | null,
  ) => Promise<void>;
}

type CallOverrides = Pick<AppOverrides, "recordFlights" | "warmTools">;

export interface RegistryParts {
  readonly registry: CallRegistry;
  readonly admission: Admission;
  readonly drain: Drain;
  readonly sums: SharedSums;
  readonly spending: DailySpending;
}

/** Twilio's own hold music, for callers in a queue. */
const HOLD_MUSIC_URL = "http://com.twilio.music.classical.s3.amazonaws.com/BusyStrings.mp3";

export function composeRegistry(
  { config, clock, log, metrics }: Base,
  keeping: RecordKeeping | null,
  machine: MachineLimits | null,
): RegistryParts {
  const sums = keeping?.sums ?? new MemorySums(() => clock.epochMs());
  const spending = new DailySpending({ clock, log, sums });
  const admission = new Admission({ utilisation: config.overloadPercent / 100 }, spending);
  const registry = new CallRegistry({
    clock,
    metrics,
    admission,
    maxCalls: config.maxCalls,
    trouble: () => keeping?.trouble() ?? null,
    machine,
  });
  const drain = new Drain({
    ...{ clock, log, registry },
    delayMs: config.drainDelaySeconds * 1000,
    drainMs: config.drainSeconds * 1000,
  });
  return { registry, admission, drain, sums, spending };
}

/**
 * @throws RelayError config_invalid when a tool's schema or module cannot be used, or a directory
 * cannot be made.
 */
export async function composeCalls(
  base: Base,
  { registry, admission, sums, spending }: RegistryParts,
  { cluster, claimOnce }: ClusterParts,
  keeping: RecordKeeping | null,
  journal: CallJournal,
  { recordFlights: recordAll = false, warmTools = false }: CallOverrides,
): Promise<CallParts> {
  const { config, agents, clock, log, worker, control } = base;
  const links = { publicUrl: config.publicUrl, mediaUrl: mediaUrlFor(config, worker) };
  const flightFiles = new FlightFiles(config.recordingsDir, `${config.nodeName}/${worker}`, log);
  const outbound = new Outbound({
    agents,
    control,
    clock,
    log,
    journal,
    publicUrl: config.publicUrl,
    node: config.nodeName,
    placed: keeping?.placedCalls ?? null,
    refusal: (model) => registry.refusal(model),
    policy: new OutboundPolicy({ agents, plans: numberPlans, sums, spending }),
    metrics: base.metrics,
  });
  const orders = keeping?.orders ?? new MemoryOrderBook();
  const { toolNetwork: network, launcher, tracing } = base;
  const toolbox = new Toolbox({ clock, log, network, orders, launcher, tracing, warmTools });
  const loadAgents = async (
    file: AgentsFile,
    checks: ReadonlyMap<string, string> | null,
  ): Promise<void> => {
    await toolbox.load(file, checks);
    prepareFlights(base, flightFiles, file, recordAll);
    for await (const name of inSlices(file.agents.keys())) beginAgentSeries(base.metrics, name);
  };
  await loadAgents(agents, null);
  const node = config.nodeName;
  const peers = createPeerDialer({ network: base.network, clock, log });
  const streams =
    cluster === null ? null : new PeerStreams({ node, registry, clock, log, cluster, peers });
  const calls = new Calls(
    {
      accountSid: config.twilioAccountSid,
      prewarm: config.prewarm,
      tokenSecrets: twilioAuthTokens(config),
      links,
    },
    {
      ...callDeps(base, toolbox, journal),
      flights: flightRecorder(
        ({ callSid }, agent) => (recordAll || agent.record ? flightFiles.open(callSid) : null),
        VERSION,
      ),
      admission,
      agents,
      registry,
      control,
      cluster,
      peerStreams: streams,
      outbound,
      recordingStatus: (callSid, form) => keeping?.recordingStatus(callSid, form),
      transfers: (host) => composeTransfers(base, host, { links, journal, cluster, keeping }),
      sip: sipDeps(base, keeping, claimOnce),
    },
  );
  keeping?.onRecovered((callSid) => calls.processLost(callSid));
  const listening = new Listening({
    node,
    registry,
    clock,
    nodeOf: async (callSid) => {
      const record = await keeping?.find(callSid);
      return record?.state === "live" ? record.node : null;
    },
    cluster,
    peers,
  });
  const parts = { calls, listening, streams, outbound, flightFiles, loadAgents };
  if (cluster === null || streams === null) return { ...parts, service: calls };
  const router = new ClusterRouter(calls, cluster, listening, streams, log);
  cluster.join(router);
  return { ...parts, service: router };
}

/** What each call needs from its surroundings. */
function callDeps(
  { config, agents, clock, log, metrics, loopGuard, network, prices, crm }: Base,
  toolbox: Toolbox,
  journal: CallJournal,
): Omit<CallDeps, "flights" | "admission"> {
  const dialer = createModelSocketDialer({
    apiKey: config.openaiApiKey,
    clock,
    log,
    handshakeTimeoutMs: config.upstreamTimeoutMs,
    network,
    timer: loopGuard,
  });
  return {
    clock,
    metrics,
    log,
    journal,
    ticker: new FrameTicker(clock, (error) =>
      log.error("call: failed in its tick", { code: "internal" }, error),
    ),
    pool: new BlockPool(),
    node: config.nodeName,
    leadMs: config.playoutLeadMs,
    uplinkPtimeMs: config.uplinkPtimeMs,
    uplinkIdlePtimeMs: config.uplinkIdlePtimeMs,
    upstreamTimeoutMs: config.upstreamTimeoutMs,
    maxCallMinutes: config.maxCallMinutes,
    models: new RealtimeSessions({ dialer, url: config.openaiRealtimeUrl, clock, metrics }),
    tools: (host) => toolbox.toolsFor(host),
    lookUp: crm === null || agents.crm?.callerLookup == null ? null : (call) => crm.lookUp(call),
    price: (model, tokens) => tokenCostUsd(model, tokens, prices),
    transcriptionPrice: (model, use) => transcriptionCostUsd(model, use, prices),
  };
}

/** @throws RelayError config_invalid when the directory cannot be created. */
function prepareFlights(
  { config, log }: Base,
  files: FlightFiles,
  { agents }: AgentsFile,
  recordAll: boolean,
): void {
  const recorded = [...agents.values()].filter((agent) => recordAll || agent.record);
  if (recorded.length === 0) return;
  files.prepare();
  log.info("flight recorder: on, its files hold all that is said", {
    agents: recorded.map(({ name }) => name).join(", "),
    dir: config.recordingsDir,
  });
}

function composeTransfers(
  { agents, control, clock, log, metrics, crm }: Base,
  calls: TransferCalls,
  {
    links,
    journal,
    cluster,
    keeping,
  }: Pick<TransfersDeps, "links" | "journal" | "cluster"> & {
    readonly keeping: RecordKeeping | null;
  },
): Transfers {
  return new Transfers(calls, {
    control,
    clock,
    log,
    metrics,
    links,
    states: keeping?.transfers ?? null,
    journal,
    cluster,
    escalate:
      crm === null || agents.crm?.escalation == null
        ? null
        : ({ callSid, caller: from, ours: to, destination, reason, summary, urgency }, agent) =>
            crm.escalate({ callSid, from, to, agent, destination, reason, summary, urgency }),
    recordUrl: null,
    holdMusicUrl: HOLD_MUSIC_URL,
  });
}

function sipDeps(
  { config, network }: Base,
  keeping: RecordKeeping | null,
  claimOnce: ClusterParts["claimOnce"],
): SipDeps | null {
  const { openaiWebhookSecret, openaiProjectId: projectId, supervisorAppSid } = config;
  if (openaiWebhookSecret === null || projectId === null) return null;
  return {
    projectId,
    supervisorAppSid,
    sip: createOpenAiCalls({ baseUrl: config.openaiBaseUrl, apiKey: config.openaiApiKey, network }),
    states: keeping?.sipCalls ?? null,
    claimOnce,
  };
}
