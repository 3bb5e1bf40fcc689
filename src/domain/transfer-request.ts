import type { Urgency } from "./agent-profile.js";

/** Who is to be reached and why. `destination` is a name of the agent's directory, never a number. */
export interface TransferRequest {
  readonly destination: string;
  readonly reason: string | null;
  readonly summary: string | null;
  readonly urgency: Urgency | null;
  /** "agent" the model's tool, "key" the caller's key, "supervisor" the API, "limit" the clock or the purse. */
  readonly by: "agent" | "key" | "supervisor" | "failure" | "limit";
}
