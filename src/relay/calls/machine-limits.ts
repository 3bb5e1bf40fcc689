/**
 * Limits that count calls over all processes of this machine. Each process counts its own calls,
 * and the supervisor knows those of all. `supervisor/` implements it.
 */
import type { Limits } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import type { CallSid } from "../../domain/ids.js";
import type { AgentRefusal } from "../../domain/refusal-reasons.js";

/** What a call counts for: its caller, its line. */
export type CountedCall = Pick<CallParties, "callSid" | "from" | "to" | "direction">;

/** The limits that count calls. */
export type CallLimits = Pick<Limits, "maxCallsPerCaller" | "maxWithheldCalls" | "maxCallsPerLine">;

export interface MachineLimits {
  /**
   * Asks whether one more call is within the limits. Null: it is, or the others cannot be asked in
   * time (a quarter of a second), so that this process decides alone. Never rejects.
   */
  admit(call: CountedCall, limits: CallLimits): Promise<AgentRefusal | null>;
  /** The call runs here. */
  present(call: CountedCall): void;
  /** It is over, or runs elsewhere. */
  absent(callSid: CallSid): void;
}

/** Null: the agent has no such limit. */
export function callLimitsOf(limits: Limits): CallLimits | null {
  const maxCallsPerCaller = limits.maxCallsPerCaller ?? null;
  const maxWithheldCalls = limits.maxWithheldCalls ?? null;
  const maxCallsPerLine = limits.maxCallsPerLine ?? null;
  const all = [maxCallsPerCaller, maxWithheldCalls, maxCallsPerLine];
  return all.every((limit) => limit === null)
    ? null
    : { maxCallsPerCaller, maxWithheldCalls, maxCallsPerLine };
}
