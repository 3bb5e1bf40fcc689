import { sameAddress } from "./address.js";
import type { AgentsFile } from "./agent-profile.js";

/**
 * The agent that answers a called address, by the agents file's `numbers`. Addresses are compared
 * as such: `sip:Support@PBX.example.com:5060` is `sip:support@pbx.example.com`.
 *
 * @returns  the agent's name; null: no agent answers it.
 */
export function agentNameFor(
  { numbers, defaultAgent }: Pick<AgentsFile, "numbers" | "defaultAgent">,
  called: string,
): string | null {
  const exact = numbers.get(called);
  if (exact !== undefined) return exact;
  for (const [address, name] of numbers) if (sameAddress(address, called)) return name;
  return defaultAgent;
}
