/**
 * The other processes of this service: the workers of this machine, and nodes on the same database.
 */
import { NodeBus } from "../adapters/cluster/node-bus.js";
import { type Cluster, TieredCluster } from "../relay/calls/cluster.js";
import type { CallRegistry } from "../relay/calls/registry.js";
import { ReplayCache } from "../relay/calls/replay-cache.js";
import type { Base } from "./compose-base.js";

export interface ClusterParts {
  /** Null: this is the only process. */
  readonly cluster: Cluster | null;
  /** Null: there are no other nodes. */
  readonly nodes: NodeBus | null;
  /** True for the first of all processes that asks for this key. */
  readonly claimOnce: (key: string, ttlMs: number) => Promise<boolean>;
}

/**
 * @param siblings       the other workers of this machine; null: there are none.
 * @param sharesRecords  records are kept in the configured database.
 */
export function composeCluster(
  { config, clock, log, worker }: Base,
  registry: CallRegistry,
  siblings: Cluster | null,
  sharesRecords: boolean,
): ClusterParts {
  // One SQLite file belongs to one machine; with PostgreSQL there may be other nodes.
  const nodes =
    sharesRecords && /^postgres(ql)?:/.test(config.databaseUrl)
      ? new NodeBus({
          databaseUrl: config.databaseUrl,
          node: config.nodeName,
          worker,
          clock,
          log,
          load: () => ({
            calls: registry.load,
            maxCalls: config.maxCalls,
            draining: registry.isLeaving,
          }),
        })
      : null;
  const cluster =
    siblings !== null && nodes !== null ? new TieredCluster(siblings, nodes) : (siblings ?? nodes);
  const once = new ReplayCache(() => clock.nowMs());
  return {
    cluster,
    nodes,
    // While the cluster cannot tell, what this process knows decides.
    claimOnce: async (key, ttlMs) =>
      once.claim(key, ttlMs) && (await cluster?.claimOnce(key, ttlMs)) !== false,
  };
}
