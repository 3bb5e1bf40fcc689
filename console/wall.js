// What the wall page shows of the nodes. Pure.

/**
 * @typedef {import("./history-api.js").NodeState} NodeState
 * @typedef {import("./history-api.js").NodeSum} NodeSum
 * @typedef {{ node: string, workers: NodeState[], calls: number, maxCalls: number, silent: boolean,
 *   sum: NodeSum | null }} WallNode
 */

/** A process sends a heartbeat every 3 s. After this long, other nodes take it for dead. */
const SILENT_MS = 12_000;

/** @param {NodeState} process */
export const isSilent = ({ silentMs }) => silentMs > SILENT_MS;

/**
 * Of the processes with one place, a node's worker, the one that was heard last: a worker that was
 * killed has been started again.
 *
 * @param {readonly NodeState[]} processes
 */
function lastHeard(processes) {
  /** @type {Map<string, NodeState>} */
  const found = new Map();
  for (const one of processes) {
    const place = JSON.stringify([one.node, one.worker]);
    const other = found.get(place);
    if (other === undefined || one.silentMs < other.silentMs) found.set(place, one);
  }
  return [...found.values()];
}

/**
 * What the living processes carry, and may carry.
 *
 * @param {readonly NodeState[]} processes
 */
export function loadOf(processes) {
  const living = lastHeard(processes).filter((one) => !isSilent(one));
  const total = (/** @type {"calls" | "maxCalls"} */ name) =>
    living.reduce((sum, one) => sum + one[name], 0);
  return { calls: total("calls"), maxCalls: total("maxCalls") };
}

/**
 * One entry for each node that has processes or ended calls, by name.
 *
 * @param {readonly NodeState[]} processes
 * @param {readonly NodeSum[]} sums of the last hour.
 * @returns {WallNode[]}
 */
export function wallNodes(processes, sums) {
  const names = [...new Set([...processes, ...sums].map(({ node }) => node ?? "unknown"))].sort();
  return names.map((node) => {
    const workers = lastHeard(processes.filter((one) => one.node === node)).toSorted(
      (a, b) => a.worker - b.worker,
    );
    return {
      node,
      workers,
      ...loadOf(workers),
      silent: workers.length > 0 && workers.every(isSilent),
      sum: sums.find((one) => (one.node ?? "unknown") === node) ?? null,
    };
  });
}

/**
 * The processes of a service. With SQLite a process tells only of itself; its metrics tell of all
 * workers of its node.
 *
 * @param {readonly NodeState[]} told
 * @param {import("./figures.js").Figures} figures
 * @returns {NodeState[]}
 */
export function allProcesses(told, figures) {
  const limits = figures.byWorker("murelay_calls_limit");
  const [own] = told;
  if (own === undefined || told.length >= limits.size) return [...told];
  const active = figures.byWorker("murelay_calls_active");
  const draining = figures.byWorker("murelay_draining");
  return [...limits].map(([worker, maxCalls]) => ({
    node: own.node,
    worker,
    calls: active.get(worker) ?? 0,
    maxCalls,
    draining: (draining.get(worker) ?? 0) > 0,
    silentMs: 0,
  }));
}

/** @param {readonly NodeSum[]} sums @returns {{ calls: number, failed: number, costUsd: number }} */
export function hourOf(sums) {
  return sums.reduce(
    (all, { calls, failed, costUsd }) => ({
      calls: all.calls + calls,
      failed: all.failed + failed,
      costUsd: all.costUsd + costUsd,
    }),
    { calls: 0, failed: 0, costUsd: 0 },
  );
}

/** @param {readonly (number | null)[]} values @param {number} share 0.5 for the median. */
export function quantile(values, share) {
  const known = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  return known[Math.min(known.length - 1, Math.floor(known.length * share))] ?? null;
}
