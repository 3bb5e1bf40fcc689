import { dirname, join } from "node:path";
import { NodeBus } from "../adapters/cluster/node-bus.js";
import { createHttpCrm } from "../adapters/http-client/crm.js";
import { FlightFiles } from "../adapters/journal/flight-files.js";
import { MetricRegistry } from "../adapters/metrics/metric-registry.js";
import type { MetricsSnapshot } from "../adapters/metrics/snapshot.js";
import { Network } from "../adapters/network/network.js";
import { createModelSocketDialer } from "../adapters/openai/model-socket.js";
import { createOpenAiCalls } from "../adapters/openai/sip-calls.js";
import {
  descriptorLimit,
  descriptorsNeeded,
  lowestFreeDescriptor,
} from "../adapters/system/descriptors.js";
import { monitorEventLoop } from "../adapters/system/event-loop-monitor.js";
import { createLog } from "../adapters/system/pino-log.js";
import { systemClock } from "../adapters/system/system-clock.js";
import { createTwilioRest } from "../adapters/twilio/rest.js";
import { readPriceTable } from "../config/agents/price-table.js";
import { mediaUrlFor, ownListener } from "../config/derived.js";
import type { Config } from "../config/load.js";
import type { AgentsFile } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import type { CallJournal } from "../domain/record-event.js";
import { VERSION } from "../domain/version.js";
import { agentsRoute } from "../http/agents-route.js";
import { consoleRoutes } from "../http/console-route.js";
import { ConsoleSessions } from "../http/console-session.js";
import { eventsRoute } from "../http/events-route.js";
import { nodeRoutes } from "../http/nodes-route.js";
import { OperatorAuth } from "../http/operator-auth.js";
import type { OperatorRoute } from "../http/operator-router.js";
import { outboundRoutes } from "../http/outbound-route.js";
import { createOperatorServer, createPublicServer } from "../http/server.js";
import { BlockPool } from "../playout/block-pool.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { CallControl } from "../ports/twilio.js";
import { tokenCostUsd } from "../records/cost.js";
import { LiveEvents } from "../records/live-events.js";
import { createRedact, STANDARD_REDACT } from "../records/redact.js";
import type { FlightRecorder } from "../relay/call/call-deps.js";
import { Admission } from "../relay/calls/admission.js";
import type { Readiness } from "../relay/calls/call-service.js";
import { Calls, type TransferHubHost } from "../relay/calls/calls.js";
import { type Cluster, TieredCluster } from "../relay/calls/cluster.js";
import { ClusterRouter } from "../relay/calls/cluster-router.js";
import { Outbound } from "../relay/calls/outbound.js";
import { PathRouter } from "../relay/calls/path-router.js";
import { ReplayCache } from "../relay/calls/replay-cache.js";
import { Transfers } from "../relay/calls/transfers.js";
import { FrameTicker } from "../relay/media/frame-ticker.js";
import { RealtimeSessions } from "../relay/model/openai-realtime/realtime-sessions.js";
import { SipCall } from "../relay/sip/sip-call.js";
import { SipCalls } from "../relay/sip/sip-calls.js";
import { MemoryOrderBook } from "../tools/memory-orders.js";
import { openRecordKeeping, type RecordKeeping } from "./compose-records.js";
import { createToolbox } from "./compose-tools.js";

export interface AppPorts {
  readonly publicPort: number;
  /** This process's own public port, where a balancer brings it its streams; null: it has none. */
  readonly ownPort: number | null;
  readonly adminPort: number;
}

export interface App {
  /** Listens on its ports; resolves with what they are (a configured 0 takes a free one). */
  start(): Promise<AppPorts>;
  /** How it is, for a supervisor; with what the process as such uses only when asked for it. */
  pulse(withProcess: boolean): Promise<{
    readonly readiness: Readiness;
    readonly calls: number;
    readonly metrics: MetricsSnapshot;
  }>;
  /** As `drain`, and takes no new connections: others have this process's place already. */
  retire(): Promise<void>;
  /** No new callers; resolves once the running calls are over or DRAIN_SECONDS have passed. */
  drain(): Promise<void>;
  /**
   * Callers who are still with an agent go to their fallback. Resolves when they have been taken
   * over; bounded.
   */
  abandon(): Promise<void>;
  /** Callers still on a stream go to their fallback; everything is closed. Idempotent. */
  stop(): Promise<void>;
}

/** Twilio's own, for callers in a queue. */
const HOLD_MUSIC_URL = "http://com.twilio.music.classical.s3.amazonaws.com/BusyStrings.mp3";

/** The place of a process among several on one machine. */
export interface Seat {
  /** From 0. */
  readonly worker: number;
  /** Shared by all of them; 0 takes a free one. */
  readonly publicPort: number;
  readonly siblings: Cluster;
}

/** What tests and the demo put in the place of the real thing. */
export interface AppOverrides {
  /** Absent: this is the only process on this machine. */
  readonly seat?: Seat;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Instead of the database and all that hangs on it: records, recordings, shared state. */
  readonly journal?: CallJournal;
  /** More on the operator listener: where the journal is another, its records. */
  readonly routes?: readonly OperatorRoute[];
  /** The console may use a softphone on this machine. */
  readonly phone?: boolean;
  readonly control?: CallControl;
  /** True: every call is flight-recorded, whatever its agent says. */
  readonly recordFlights?: boolean;
}

/**
 * Builds everything and joins the floors; nothing runs before `start`.
 *
 * @throws RelayError config_invalid when a tool's schema or module cannot be used, or a directory cannot be made.
 */
export async function createApp(
  config: Config,
  agents: AgentsFile,
  overrides: AppOverrides = {},
): Promise<App> {
  const clock = overrides.clock ?? systemClock;
  const log = overrides.log ?? createLog({ level: config.logLevel, pretty: config.logPretty });
  const { seat } = overrides;
  const worker = seat?.worker ?? 0;
  const registry = new MetricRegistry({ version: VERSION, worker: String(worker) });
  const { metrics } = registry;
  metrics.callsLimit.set(config.maxCalls);
  // Tools have a resolver of their own: a host whose name servers hang must not delay a dial.
  const network = new Network(config);
  const toolNetwork = new Network(config);
  const control =
    overrides.control ??
    createTwilioRest({
      accountSid: config.twilioAccountSid,
      authToken: config.twilioAuthToken,
      apiKey: config.twilioApiKey,
      apiSecret: config.twilioApiSecret,
      baseUrl: config.twilioApiBaseUrl,
      network,
      nowMs: () => clock.nowMs(),
      observe: (operation, outcome, seconds) =>
        metrics.twilioRequests.observe(seconds, operation, outcome),
    });
  const prices = readPriceTable(agents.pricingFile ?? null);
  const crm =
    agents.crm === undefined
      ? null
      : createHttpCrm(agents.crm, {
          clock,
          log,
          network: toolNetwork,
          spoolDirectory: join(dirname(config.recordingsDir), "crm"),
        });
  let { journal } = overrides;
  let keeping: RecordKeeping | null = null;
  if (journal === undefined) {
    keeping = await openRecordKeeping(config, agents, {
      clock,
      log,
      metrics,
      control,
      network,
      prices,
      completed:
        crm === null || agents.crm?.callCompleted == null
          ? null
          : (call, record) => crm.completed(call, record),
    });
    journal = keeping.journal;
  }
  const events = new LiveEvents(journal, createRedact(agents.redact ?? STANDARD_REDACT));
  journal = events;
  // One SQLite file is one machine's; with PostgreSQL there may be other nodes.
  const nodes =
    keeping !== null && /^postgres(ql)?:/.test(config.databaseUrl)
      ? new NodeBus({
          databaseUrl: config.databaseUrl,
          node: config.nodeName,
          worker,
          clock,
          log,
          load: () => ({
            calls: calls.load,
            maxCalls: config.maxCalls,
            draining: calls.isDraining,
          }),
        })
      : null;
  const fleet = fleetOf(seat?.siblings ?? null, nodes);
  const models = new RealtimeSessions({
    dialer: createModelSocketDialer({
      apiKey: config.openaiApiKey,
      clock,
      log,
      handshakeTimeoutMs: config.upstreamTimeoutMs,
      network,
    }),
    url: config.openaiRealtimeUrl,
    clock,
    metrics,
    log,
  });
  const mediaUrl = mediaUrlFor(config, worker);
  const links = { publicUrl: config.publicUrl, mediaUrl };
  const wantsSip = config.openaiWebhookSecret !== null && config.openaiProjectId !== null;
  const once = new ReplayCache(() => clock.nowMs());
  // When nobody can tell, what this process knows decides.
  const claimOnce = async (key: string, ttlMs: number) =>
    once.claim(key, ttlMs) && (await fleet?.claimOnce(key, ttlMs)) !== false;
  let sip: SipCalls | null = null;
  let transfers: Transfers | null = null;
  const lookUp =
    crm === null || agents.crm?.callerLookup == null
      ? null
      : (call: Parameters<typeof crm.lookUp>[0]) => crm.lookUp(call);
  const price = (model: string, tokens: Parameters<typeof tokenCostUsd>[1]) =>
    tokenCostUsd(model, tokens, prices);
  const tools = await createToolbox(agents, {
    clock,
    log,
    network: toolNetwork,
    orders: keeping?.orders ?? new MemoryOrderBook(),
  });
  const flightFiles = new FlightFiles(config.recordingsDir, `${config.nodeName}/${worker}`, log);
  const flights = flightRecorder(
    flightFiles,
    config,
    agents,
    overrides.recordFlights === true,
    log,
  );
  const admission = new Admission({ utilisation: config.overloadPercent / 100 });
  const calls: Calls = new Calls(
    agents,
    {
      accountSid: config.twilioAccountSid,
      maxCalls: config.maxCalls,
      prewarm: config.prewarm,
      tokenSecret: config.twilioAuthToken,
      links,
    },
    {
      clock,
      ticker: new FrameTicker(clock, (error) =>
        log.error("a call failed in its tick", { code: "internal" }, error),
      ),
      metrics,
      log,
      journal,
      recordingStatus: (callSid, form) => keeping?.recordingStatus(callSid, form),
      trouble: () => keeping?.trouble() ?? null,
      fleet,
      admission,
      pool: new BlockPool(),
      node: config.nodeName,
      leadMs: config.playoutLeadMs,
      uplinkPtimeMs: config.uplinkPtimeMs,
      uplinkIdlePtimeMs: config.uplinkIdlePtimeMs,
      upstreamTimeoutMs: config.upstreamTimeoutMs,
      maxCallMinutes: config.maxCallMinutes,
      outbound: {
        answered: (callSid, query) => outbound.answered(callSid, query),
        status: (callSid, form, query) => outbound.status(callSid, form, query),
      },
      otherLoad: () => sip?.load ?? 0,
      lookUp,
      price,
      ...(flights === null ? {} : { flights }),
      models,
      tools,
      transfers: (host) => {
        transfers = new Transfers(
          bothPaths(host, () => sip),
          {
            control,
            clock,
            log,
            metrics,
            links,
            states: keeping?.transfers ?? null,
            journal,
            escalate:
              crm === null || agents.crm?.escalation == null
                ? null
                : (
                    { callSid, caller: from, ours: to, destination, reason, summary, urgency },
                    agent,
                  ) =>
                    crm.escalate({
                      callSid,
                      from,
                      to,
                      agent,
                      destination,
                      reason,
                      summary,
                      urgency,
                    }),
            recordUrl: null,
            holdMusicUrl: HOLD_MUSIC_URL,
          },
        );
        return transfers;
      },
    },
  );
  const outbound = new Outbound({
    agents,
    control,
    clock,
    log,
    journal,
    publicUrl: config.publicUrl,
    node: config.nodeName,
    placed: keeping?.placedCalls ?? null,
    refusal: (model) => calls.refusal(model),
  });
  if (wantsSip) {
    if (transfers === null) throw new RelayError("internal", "calls without transfers");
    sip = new SipCalls(
      { projectId: config.openaiProjectId ?? "", tokenSecret: config.twilioAuthToken, links },
      {
        agents,
        clock,
        metrics,
        log,
        journal,
        control,
        transfers,
        tools,
        lookUp,
        price,
        node: config.nodeName,
        upstreamTimeoutMs: config.upstreamTimeoutMs,
        maxCallMinutes: config.maxCallMinutes,
        sip: createOpenAiCalls({
          baseUrl: config.openaiBaseUrl,
          apiKey: config.openaiApiKey,
          network,
        }),
        agentFor: (form) => calls.agentFor(form),
        refusal: (model) => calls.refusal(model),
        ask: fleet === null ? null : (callSid, question) => fleet.ask(callSid, question),
        states: keeping?.sipCalls ?? null,
        admission,
        claimOnce,
        hold: (callSid) => fleet?.claim(callSid),
        letGo: (callSid) => fleet?.release(callSid),
        ended: () => calls.otherEnded(),
        models,
      },
    );
  }
  const own = sip === null ? calls : new PathRouter(calls, sip);
  const desk = fleet === null ? own : new ClusterRouter(own, fleet, log);
  if (fleet !== null && desk instanceof ClusterRouter) fleet.join(desk);
  const publicServer = createPublicServer({
    config,
    mediaUrl,
    calls: desk,
    sip:
      desk instanceof Calls || !wantsSip
        ? null
        : {
            calls: desk,
            secret: config.openaiWebhookSecret ?? "",
            claimOnce,
          },
    metrics,
    clock,
    log,
    descriptors: { limit: descriptorLimit(), lowestFree: lowestFreeDescriptor },
  });
  const sessions =
    config.adminToken === null ? null : new ConsoleSessions(config.adminToken, clock);
  const auth = new OperatorAuth({ config, sessions, clock, metrics, log });
  const operatorServer = createOperatorServer({
    behindSupervisor: seat !== undefined,
    auth,
    calls: desk,
    clock,
    scrape: () => registry.scrape(),
    metrics,
    log,
    routes: [
      ...consoleRoutes({ auth, sessions, phone: overrides.phone ?? false }),
      agentsRoute(agents, VERSION),
      eventsRoute({ events, clock }),
      ...outboundRoutes(outbound),
      ...(keeping?.routes ?? []),
      ...(nodes === null ? [] : nodeRoutes(nodes)),
      ...(overrides.routes ?? []),
    ],
  });
  let unwatch: (() => void) | null = null;
  let stopped = false;
  const overOrTimeUp = async (): Promise<void> => {
    const timeUp = new Promise<void>((resolve) => {
      clock.after(config.drainSeconds * 1000, resolve);
    });
    await Promise.race([calls.drained(), timeUp]);
  };

  return {
    start: async () => {
      const shared = seat !== undefined;
      const publicPort = await publicServer.listen(
        config.host,
        seat?.publicPort ?? config.port,
        shared,
      );
      // A balancer brings streams to the own port when MEDIA_URL says so; workers always have one.
      const own = shared || config.mediaUrl.includes("{worker}");
      const ownAt = ownListener(config, worker);
      // Shared: a failing worker still listens while another one takes its place.
      const ownPort = own ? await publicServer.listen(ownAt.host, ownAt.port, shared) : null;
      // Operators ask the supervisor, and it asks its workers.
      const [adminHost, adminAt] = shared ? ["127.0.0.1", 0] : [config.adminHost, config.adminPort];
      const adminPort = await operatorServer.listen(adminHost, adminAt);
      const unwatchLag = registry.watchEventLoop(clock);
      const unwatchLoad = monitorEventLoop(clock, (busy, lagMs, nowMs) =>
        admission.sampled(busy, lagMs, nowMs),
      );
      unwatch = () => {
        unwatchLag();
        unwatchLoad();
      };
      warnOfDescriptors(config.maxCalls, log);
      keeping?.start();
      nodes?.start();
      await crm?.start();
      log.info("listening", {
        worker,
        host: config.host,
        port: publicPort,
        ownPort,
        adminHost,
        adminPort,
      });
      return { publicPort, ownPort, adminPort };
    },
    pulse: async (withProcess) => ({
      readiness: calls.readiness(),
      calls: calls.load,
      metrics: await registry.snapshot(withProcess),
    }),
    retire: async () => {
      publicServer.stopListening();
      calls.beginDrain();
      log.info("retired", { calls: calls.load });
      await overOrTimeUp();
    },
    drain: async () => {
      calls.beginDrain();
      log.info("draining", { calls: calls.load });
      await overOrTimeUp();
    },
    abandon: async () => undefined,
    stop: async () => {
      if (stopped) return;
      stopped = true;
      await sip?.stop();
      outbound.stop();
      calls.stop();
      unwatch?.();
      publicServer.close();
      operatorServer.close();
      crm?.stop();
      await nodes?.stop();
      await keeping?.stop();
      await flightFiles.settled();
      log.info("stopped");
    },
  };
}

function warnOfDescriptors(maxCalls: number, log: Log): void {
  const limit = descriptorLimit();
  const needed = descriptorsNeeded(maxCalls);
  if (limit !== null && limit < needed)
    log.warn("process: too few descriptors for MAX_CALLS", {
      limit,
      needed,
      maxCalls,
      fix: "raise the hard limit: ulimit -Hn, LimitNOFILE= of systemd, or --ulimit of Docker",
    });
}

/** Null: no agent's calls are recorded. */
function flightRecorder(
  files: FlightFiles,
  config: Config,
  { agents }: AgentsFile,
  all: boolean,
  log: Log,
): FlightRecorder | null {
  const recorded = [...agents.values()].filter((agent) => all || agent.record);
  if (recorded.length === 0) return null;
  files.prepare();
  const names = recorded.map(({ name }) => name).join(", ");
  log.info("flight recorder on: files hold all that is said", {
    agents: names,
    dir: config.recordingsDir,
  });
  return {
    version: VERSION,
    record: ({ callSid }, agent) => (all || agent.record ? files.open(callSid) : null),
  };
}

function fleetOf(siblings: Cluster | null, nodes: Cluster | null): Cluster | null {
  return siblings !== null && nodes !== null
    ? new TieredCluster(siblings, nodes)
    : (siblings ?? nodes);
}

/** Transfers serve the callers of both paths. */
function bothPaths(calls: TransferHubHost, sip: () => SipCalls | null): TransferHubHost {
  return {
    agents: calls.agents,
    find: (callSid) => sip()?.find(callSid) ?? calls.find(callSid),
    agentFor: (form) => calls.agentFor(form),
    backToAgent: (call, fact) =>
      call instanceof SipCall
        ? (sip()?.rejoin(call, fact) ?? [{ verb: "hangup" }])
        : calls.backToAgent(call, fact),
    takeBack: (callSid, agent, form, fact) => calls.takeBack(callSid, agent, form, fact),
  };
}
