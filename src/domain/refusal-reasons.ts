/**
 * Why a call is not taken or not placed. The values are labels of metrics and reasons in records.
 */

/** The process has no room for one more call. */
export const NO_ROOM = ["full", "draining", "overloaded", "tokens"] as const;
export type NoRoom = (typeof NO_ROOM)[number];

/** An agent does not take a caller, although the process has room. */
export const AGENT_LIMITS = [
  "caller_limit",
  "withheld_limit",
  "line_limit",
  "daily_budget",
] as const;
export type AgentRefusal = (typeof AGENT_LIMITS)[number];

/** The relay does not place a call that it was asked for. */
export const OUTBOUND_POLICY = [
  "premium_number",
  "satellite_number",
  "own_number",
  "country_not_allowed",
  "number_limit",
  "minute_limit",
  "daily_budget",
] as const;
export type PolicyRefusal = (typeof OUTBOUND_POLICY)[number];
