import { randomUUID } from "node:crypto";
import type { MetricsSnapshot } from "../adapters/metrics/snapshot.js";
import {
  descriptorLimit,
  descriptorsNeeded,
  ownDescriptors,
} from "../adapters/system/descriptors.js";
import { monitorEventLoop } from "../adapters/system/event-loop-monitor.js";
import { mediaUrlFor, ownListener, peerUrlFor } from "../config/derived.js";
import type { Config } from "../config/load.js";
import type { AgentsFile } from "../domain/agent-profile.js";
import type { CallSid } from "../domain/ids.js";
import { VERSION } from "../domain/version.js";
import { agentsRoute, reloadRoute } from "../http/agents-route.js";
import { consoleRoutes } from "../http/console-route.js";
import { drainRoute } from "../http/drain-route.js";
import { eventsRoute } from "../http/events-route.js";
import { nodeRoutes } from "../http/nodes-route.js";
import type { NamedOperator } from "../http/operator-directory.js";
import { outboundRoutes } from "../http/outbound-route.js";
import { createOperatorServer, createPublicServer } from "../http/server.js";
import type { Crm } from "../ports/crm.js";
import type { Log } from "../ports/log.js";
import { AuditLog } from "../records/audit-log.js";
import { LiveEvents } from "../records/live-events.js";
import { memoryAudit } from "../records/memory-audit.js";
import { createRedact, STANDARD_REDACT } from "../records/redact.js";
import type { CallCommand, Refusal } from "../relay/call/call-command.js";
import type { Readiness } from "../relay/calls/call-service.js";
import { spendingKeys } from "../relay/calls/daily-spending.js";
import type { AppOverrides } from "./app-overrides.js";
import { type Base, composeBase } from "./compose-base.js";
import {
  type CallParts,
  composeCalls,
  composeRegistry,
  type RegistryParts,
} from "./compose-calls.js";
import { type ClusterParts, composeCluster } from "./compose-cluster.js";
import { composeOperators, type OperatorParts } from "./compose-operators.js";
import { openRecordKeeping, type RecordKeeping } from "./compose-records.js";
import { LiveAgents } from "./live-agents.js";

export interface AppPorts {
  readonly publicPort: number;
  /** The port at which a load balancer reaches just this process (MEDIA_URL); null: none. */
  readonly ownPort: number | null;
  readonly adminPort: number;
}

export interface App {
  /** Starts listening. Resolves with the ports (a configured 0 takes a free one). */
  start(): Promise<AppPorts>;
  /** The state of this process, for the supervisor; its own metrics (`process_*`) on request. */
  pulse(withProcess: boolean): Promise<{
    readonly readiness: Readiness;
    readonly calls: number;
    readonly metrics: MetricsSnapshot;
  }>;
  /**
   * Puts another agents file in force: new calls get its agents, and running calls keep theirs.
   *
   * @param checks     compiled checks of its JSON Schemas; null: compiled here, while no calls run.
   * @param operators  of OPERATORS_FILE; null: those in force stay. Absent: the file is read again.
   * @throws RelayError config_invalid when a tool of the file cannot be built: no agent changes.
   */
  reload(
    file: AgentsFile,
    checks?: ReadonlyMap<string, string> | null,
    operators?: readonly NamedOperator[] | null,
  ): Promise<void>;
  /** Puts the agents of before the last reload in force again, once, without building them anew. */
  takeBackReload(): void;
  /**
   * Carries out a command on a live call of this process or its cluster.
   *
   * @returns why it was refused; null: it is being carried out.
   */
  execute(callSid: CallSid, command: CallCommand): Promise<Refusal | null>;
  /**
   * The caller of a call of this process waits for an answer, or something that leads to one is
   * under way: a response, a tool, a dial, a transfer.
   */
  isAnswering(callSid: CallSid): boolean;
  /** As `drain`, but accepts no new connections: another process has already taken the place. */
  retire(): Promise<void>;
  /**
   * Refuses new callers after DRAIN_DELAY_SECONDS. Resolves when the running calls are over, or
   * DRAIN_SECONDS later.
   */
  drain(): Promise<void>;
  /** Refuses new callers after DRAIN_DELAY_SECONDS, until the process is stopped. Idempotent. */
  refuseCalls(): void;
  /**
   * Sends callers who are still with an agent to their fallback destination. Resolves when Twilio
   * has asked what follows for each of them, at the latest after some seconds.
   */
  abandon(): Promise<void>;
  /** Sends callers who are still on a stream to their fallback; closes everything. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Builds everything and connects it; nothing runs before `start`.
 *
 * @throws RelayError config_invalid when a tool's schema or module cannot be used, or a directory
 *         cannot be made.
 */
export async function createApp(
  config: Config,
  agentsFile: AgentsFile,
  overrides: AppOverrides = {},
): Promise<App> {
  const liveAgents = new LiveAgents(agentsFile);
  const agents = liveAgents.file;
  const base = composeBase(config, agents, overrides.seat?.worker ?? 0, overrides);
  const { clock, log, metrics, control, prices, crm } = base;
  const keeping =
    overrides.journal === undefined
      ? await openRecordKeeping(config, agents, {
          clock,
          log,
          metrics,
          control,
          network: base.network,
          prices,
          completed: completedBy([
            overrides.completed,
            crm === null || agents.crm?.callCompleted == null
              ? undefined
              : (call, record) => crm.completed(call, record),
          ]),
        })
      : null;
  const journal = overrides.journal ?? keeping?.journal ?? { write: () => undefined };
  const events = new LiveEvents(journal, createRedact(agents.redact ?? STANDARD_REDACT));
  const { tracing } = base;
  if (tracing !== null) events.listen((callSid, event) => tracing.event(callSid, event));
  const siblings = overrides.seat?.siblings ?? null;
  const admitted = composeRegistry(base, keeping, siblings);
  const cluster = composeCluster(base, admitted.registry, siblings, keeping !== null);
  const calls = await composeCalls(base, admitted, cluster, keeping, events, overrides);
  const audit = new AuditLog({
    store: keeping?.audit ?? memoryAudit(),
    clock,
    log,
    newId: randomUUID,
  });
  const operators = composeOperators(base, keeping?.state ?? null, overrides.operators);
  const records = { keeping, events, audit, operators };
  return new RelayApp({ base, liveAgents, admitted, cluster, calls, ...records, overrides });
}

/** Joins several receivers of ended calls. One that fails does not stop the others. */
function completedBy(given: readonly (Crm["completed"] | undefined)[]): Crm["completed"] | null {
  const all = given.filter((one) => one !== undefined);
  if (all.length === 0) return null;
  return async (call, record) => {
    const results = await Promise.allSettled(all.map((one) => one(call, record)));
    const failed = results.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  };
}

interface AppParts {
  readonly base: Base;
  readonly liveAgents: LiveAgents;
  readonly admitted: RegistryParts;
  readonly cluster: ClusterParts;
  readonly calls: CallParts;
  /** Null: a program that embeds the relay gave the journal, and nothing is stored here. */
  readonly keeping: RecordKeeping | null;
  readonly events: LiveEvents;
  readonly audit: AuditLog;
  readonly operators: OperatorParts;
  readonly overrides: AppOverrides;
}

/** The relay of one process, from its listeners to its end. */
class RelayApp implements App {
  readonly #parts: AppParts;
  readonly #public: ReturnType<typeof createPublicServer>;
  readonly #operator: ReturnType<typeof createOperatorServer>;
  /** Stops what `start` has started. */
  #unwatch: readonly (() => void)[] = [];
  #isStopped = false;
  #reloaded: Promise<void> = Promise.resolve();

  constructor(parts: AppParts) {
    this.#parts = parts;
    this.#public = publicServer(parts);
    this.#operator = operatorServer(parts, this);
  }

  async start(): Promise<AppPorts> {
    const { base, admitted, calls, cluster, keeping, overrides } = this.#parts;
    const { config, clock, log, loopGuard, crm, worker } = base;
    const { seat } = overrides;
    const shared = seat !== undefined;
    const port = seat?.publicPort ?? config.port;
    const publicPort = await this.#public.listen(config.host, port, shared);
    // A load balancer uses this port when MEDIA_URL names the worker. Workers always have one.
    const hasOwn = shared || config.mediaUrl.includes("{worker}");
    const own = ownListener(config, worker);
    // Shared, because a failing worker still listens while its replacement starts.
    const ownPort = hasOwn ? await this.#public.listen(own.host, own.port, shared) : null;
    // Operators reach the supervisor, which asks its workers on a port of its own.
    const [adminHost, adminAt] = shared ? ["127.0.0.1", 0] : [config.adminHost, config.adminPort];
    const adminPort = await this.#operator.listen(adminHost, adminAt);
    const reachedAt = peerUrlFor(config, shared ? null : adminPort);
    calls.listening.reachedAt = reachedAt;
    if (calls.streams !== null) calls.streams.reachedAt = reachedAt;
    this.#unwatch = [
      loopGuard.watch(),
      monitorEventLoop(clock, (busy, lagMs, nowMs) =>
        admitted.admission.sampled(busy, lagMs, nowMs),
      ),
    ];
    warnOfDescriptors(config.maxCalls, log);
    keeping?.start();
    await admitted.spending.start(spendingKeys(this.#parts.liveAgents.file));
    cluster.nodes?.start();
    await crm?.start();
    const { host } = config;
    log.info("listening", { host, port: publicPort, ownPort, adminHost, adminPort });
    return { publicPort, ownPort, adminPort };
  }

  async pulse(withProcess: boolean) {
    const { base, admitted } = this.#parts;
    return {
      readiness: admitted.registry.readiness(),
      calls: admitted.registry.load,
      metrics: await base.registry.snapshot(withProcess),
    };
  }

  async reload(
    file: AgentsFile,
    checks: ReadonlyMap<string, string> | null = new Map(),
    given?: readonly NamedOperator[] | null,
  ): Promise<void> {
    // Reloads run one after the other, so that the last file stays in force.
    const reloaded = this.#reloaded.then(() => this.#reload(file, checks, given));
    this.#reloaded = reloaded.catch(() => undefined);
    await reloaded;
  }

  async #reload(
    file: AgentsFile,
    checks: ReadonlyMap<string, string> | null,
    given: readonly NamedOperator[] | null | undefined,
  ): Promise<void> {
    const { base, calls, liveAgents, operators } = this.#parts;
    // Operators first: one who was removed must not stay because a tool does not load.
    if (given === undefined) await operators.reload();
    else if (given !== null) operators.replace(given);
    await calls.loadAgents(file, checks);
    const fixed = liveAgents.replace(file);
    base.log.info("agents: file reloaded", { agents: file.agents.size });
    if (fixed.length > 0)
      base.log.warn("agents: change takes effect at the next start", { parts: fixed.join(", ") });
  }

  takeBackReload(): void {
    const { base, liveAgents } = this.#parts;
    if (!liveAgents.takeBack()) return;
    base.log.info("agents: reload taken back", { agents: liveAgents.file.agents.size });
  }

  async execute(callSid: CallSid, command: CallCommand): Promise<Refusal | null> {
    return await this.#parts.calls.service.execute(callSid, command);
  }

  isAnswering(callSid: CallSid): boolean {
    const call = this.#parts.calls.calls.find(callSid);
    return call !== undefined && (call.reply.isAwaited || call.session?.quiet === false);
  }

  async retire(): Promise<void> {
    this.#public.stopListening();
    await this.#parts.admitted.drain.retire();
  }

  async drain(): Promise<void> {
    await this.#parts.admitted.drain.empty();
  }

  refuseCalls(): void {
    void this.#parts.admitted.drain.refuseCalls();
  }

  async abandon(): Promise<void> {
    await this.#parts.calls.calls.abandon();
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const { audit, base, calls, cluster, keeping } = this.#parts;
    await calls.calls.stop();
    await this.#parts.admitted.spending.stop();
    calls.outbound.stop();
    for (const unwatch of this.#unwatch) unwatch();
    this.#public.close();
    this.#operator.close();
    base.crm?.stop();
    base.launcher.stop();
    await cluster.nodes?.stop();
    await audit.stop();
    await keeping?.stop();
    await calls.flightFiles.settled();
    await base.tracing?.stop();
    base.log.info("stopped");
  }
}

function publicServer({ base, calls, cluster }: AppParts) {
  const { config, worker, metrics, loopGuard, clock, log } = base;
  const { openaiWebhookSecret: secret, openaiProjectId } = config;
  return createPublicServer({
    config,
    mediaUrl: mediaUrlFor(config, worker),
    calls: calls.service,
    sip:
      secret === null || openaiProjectId === null
        ? null
        : { calls: calls.service, secret, claimOnce: cluster.claimOnce },
    metrics,
    timer: loopGuard,
    clock,
    log,
    descriptors: ownDescriptors(),
  });
}

function operatorServer(parts: AppParts, app: App) {
  const { audit, base, calls, cluster, keeping, events, operators, overrides } = parts;
  const { auth, sessions } = operators;
  const { agents, config, registry, metrics, loopGuard, clock, log } = base;
  return createOperatorServer({
    behindSupervisor: overrides.seat !== undefined,
    auth,
    audit,
    calls: calls.service,
    listening: calls.listening,
    streams:
      calls.streams === null
        ? null
        : {
            redeem: (callSid, ticket) => calls.streams?.redeem(callSid, ticket) === true,
            open: (socket) => calls.calls.openCarried(socket),
          },
    clock,
    scrape: () => registry.scrape(),
    metrics,
    timer: loopGuard,
    log,
    descriptors: ownDescriptors(),
    routes: [
      ...consoleRoutes({ auth, sessions, audit, phone: overrides.phone ?? false }),
      agentsRoute(agents, VERSION),
      ...(overrides.requestReload === undefined ? [] : [reloadRoute(overrides.requestReload)]),
      drainRoute(overrides.refuseCalls ?? (() => app.refuseCalls()), config.drainDelaySeconds),
      eventsRoute({ events, clock }),
      ...outboundRoutes(calls.outbound),
      ...(keeping?.routes ?? []),
      ...nodeRoutes(cluster.nodes ?? { nodes: async () => [ownState(parts)] }),
      ...(overrides.routes ?? []),
    ],
  });
}

/** Without a database that nodes share, a process knows only itself. */
function ownState({ base, admitted }: AppParts) {
  const { config, worker } = base;
  const { load: calls, isDraining: draining } = admitted.registry;
  return {
    node: config.nodeName,
    worker,
    calls,
    maxCalls: config.maxCalls,
    draining,
    silentMs: 0,
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
