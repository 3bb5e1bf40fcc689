/**
 * The parts that everything else needs: clock, log, metrics, Twilio's REST, CRM and price list.
 */
import { createHttpCrm } from "../adapters/http-client/crm.js";
import { MetricRegistry } from "../adapters/metrics/metric-registry.js";
import { Network } from "../adapters/network/network.js";
import { withAgentOfCall } from "../adapters/system/call-lines.js";
import { LoopGuard } from "../adapters/system/loop-guard.js";
import { createLog } from "../adapters/system/pino-log.js";
import { systemClock } from "../adapters/system/system-clock.js";
import { ToolLauncher } from "../adapters/tools/launcher-client.js";
import { CallTracing } from "../adapters/tracing/call-tracing.js";
import { createTwilioRest } from "../adapters/twilio/rest.js";
import { readPriceTable } from "../config/agents/price-table.js";
import { crmSpoolDirectory, tracesOf } from "../config/derived.js";
import type { Config } from "../config/load.js";
import type { AgentsFile } from "../domain/agent-profile.js";
import { VERSION } from "../domain/version.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { CallControl } from "../ports/twilio.js";
import type { PriceTable } from "../records/cost.js";

export interface Base {
  readonly config: Config;
  readonly agents: AgentsFile;
  readonly clock: Clock;
  readonly log: Log;
  /** Number of this process among the workers of its machine, from 0. */
  readonly worker: number;
  readonly registry: MetricRegistry;
  readonly metrics: Metrics;
  /** Finds out what blocks the event loop. */
  readonly loopGuard: LoopGuard;
  readonly control: CallControl;
  readonly network: Network;
  /**
   * Tools and the CRM have a resolver of their own: a host whose name servers hang must not delay
   * a dial to a model.
   */
  readonly toolNetwork: Network;
  /** Tool modules run in processes of their own. */
  readonly launcher: ToolLauncher;
  readonly prices: PriceTable;
  /** Null: no collector is set. */
  readonly tracing: CallTracing | null;
  /** Null: the agents file has no CRM. */
  readonly crm: ReturnType<typeof createHttpCrm> | null;
}

export interface BaseOverrides {
  readonly clock?: Clock;
  readonly log?: Log;
  readonly control?: CallControl;
}

export function composeBase(
  config: Config,
  agents: AgentsFile,
  worker: number,
  overrides: BaseOverrides,
): Base {
  const clock = overrides.clock ?? systemClock;
  const lines = overrides.log ?? createLog({ level: config.logLevel, pretty: config.logPretty });
  const log = withAgentOfCall(lines.child({ node: config.nodeName, worker }), clock);
  const registry = new MetricRegistry({ version: VERSION, worker: String(worker) });
  const { metrics } = registry;
  metrics.callsLimit.set(config.maxCalls);
  const loopGuard = new LoopGuard({ clock, metrics });
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
  const tracing = openTracing(config, worker, { network, clock, log });
  const spoolDirectory = crmSpoolDirectory(config);
  const crm =
    agents.crm === undefined
      ? null
      : createHttpCrm(agents.crm, { clock, log, network: toolNetwork, spoolDirectory });
  const parts = {
    clock,
    log,
    worker,
    registry,
    metrics,
    loopGuard,
    control,
    network,
    toolNetwork,
    tracing,
  };
  return { config, agents, ...parts, launcher: new ToolLauncher(log), prices, crm };
}

function openTracing(
  config: Config,
  worker: number,
  parts: ConstructorParameters<typeof CallTracing>[1],
): CallTracing | null {
  const settings = tracesOf(config);
  if (settings === null) return null;
  return new CallTracing({ ...settings, node: config.nodeName, worker, version: VERSION }, parts);
}
