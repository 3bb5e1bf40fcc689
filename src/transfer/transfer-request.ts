import type { AgentProfile, Destination, Urgency } from "../domain/agent-profile.js";
import type { CallSid } from "../domain/ids.js";

/** Who is to be reached, for whom and why. `destination` is a name of the agent's directory, never a number. */
export interface FullTransferRequest {
  readonly callSid: CallSid;
  readonly destination: string;
  readonly reason: string | null;
  readonly summary: string | null;
  readonly urgency: Urgency | null;
  readonly by: TransferBy;
  /** The caller, as Twilio says: E.164, `client:…`, `sip:…` or a word such as "anonymous". */
  readonly caller: string;
  /** The number of ours that the call runs over. */
  readonly ours: string;
  readonly direction: "inbound" | "outbound";
  /** BCP 47 tag that the caller is spoken to in. */
  readonly language: string;
  /** Lets the human be rung in the caller's own name; null or absent: the number of ours is shown. */
  readonly callToken?: string | null;
  /** Twilio says this before it connects; "none" when the agent has said goodbye. */
  readonly preface: Preface;
}

export type TransferBy = "agent" | "key" | "supervisor" | "failure" | "limit";
export type Preface = "none" | "moment" | "apology";

/** A ladder that is longer has lost its caller. */
export const MAX_FAILOVER_STEPS = 6;

/** The destination and those that its `then` names, each once; empty when there is no such destination. */
export function failoverListOf(agent: AgentProfile, first: string): readonly Destination[] {
  const ladder: Destination[] = [];
  let name: string | null = first;
  while (name !== null && ladder.length < MAX_FAILOVER_STEPS) {
    const destination: Destination | undefined = agent.transfer.destinations.get(name);
    if (destination === undefined || ladder.includes(destination)) break;
    ladder.push(destination);
    name = destination.then;
  }
  return ladder;
}

/** Whoever sends callers away for good does not take them back: a failed agent, or a call whose time is up. */
export function afterLastStep(by: TransferBy): "agent" | "apology" {
  return by === "failure" || by === "limit" ? "apology" : "agent";
}
