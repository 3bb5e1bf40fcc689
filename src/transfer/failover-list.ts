/** The destinations that one transfer tries in order. Pure. */
import type { AgentProfile, Destination } from "../domain/agent-profile.js";
import type { TransferBy } from "../domain/transfer-request.js";

/** A caller who has been through so many destinations waits for no other. */
export const MAX_FAILOVER_STEPS = 6;

/**
 * The destination and those that its `then` names, each once; empty when there is no such
 * destination.
 */
export function failoverListOf(agent: AgentProfile, first: string): readonly Destination[] {
  const list: Destination[] = [];
  let name: string | null = first;
  while (name !== null && list.length < MAX_FAILOVER_STEPS) {
    const destination: Destination | undefined = agent.transfer.destinations.get(name);
    if (destination === undefined || list.includes(destination)) break;
    list.push(destination);
    name = destination.then;
  }
  return list;
}

/**
 * What follows when no destination answers. A failed agent, or one whose time is up, does not take
 * callers back.
 */
export function afterLastStep(by: TransferBy): "agent" | "apology" {
  return by === "failure" || by === "limit" ? "apology" : "agent";
}
