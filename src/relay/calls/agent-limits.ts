/**
 * What callers may use of an agent. A caller who claims another number is still limited by the
 * line that they call and by what the agent may cost. Pure.
 */
import { addressKey, sameAddress } from "../../domain/address.js";
import type { Limits } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import type { AgentRefusal } from "../../domain/refusal-reasons.js";

type CountLimits = Pick<Limits, "maxCallsPerCaller" | "maxWithheldCalls" | "maxCallsPerLine">;
type Parties = Pick<CallParties, "from" | "to" | "direction">;

/**
 * @param others    calls that are running now.
 * @param spentUsd  what the agent has cost today.
 * @returns         null: the caller may come in. A call that the relay has placed always may.
 */
export function agentRefusal(
  limits: CountLimits & Pick<Limits, "maxUsdPerDay">,
  caller: Parties,
  others: Iterable<Parties>,
  spentUsd: number,
): AgentRefusal | null {
  if (caller.direction === "outbound") return null;
  const { maxCallsPerCaller, maxWithheldCalls, maxCallsPerLine, maxUsdPerDay } = limits;
  if (maxUsdPerDay != null && spentUsd >= maxUsdPerDay) return "daily_budget";
  if (maxCallsPerCaller == null && maxWithheldCalls == null && maxCallsPerLine == null) return null;
  const key = addressKey(caller.from);
  let ofCaller = 0;
  let onLine = 0;
  for (const other of others) {
    if (other.direction === "outbound") continue;
    if (addressKey(other.from) === key) ofCaller++;
    if (sameAddress(other.to, caller.to)) onLine++;
  }
  const most = key === null ? maxWithheldCalls : maxCallsPerCaller;
  if (most != null && ofCaller >= most) return key === null ? "withheld_limit" : "caller_limit";
  return maxCallsPerLine != null && onLine >= maxCallsPerLine ? "line_limit" : null;
}
