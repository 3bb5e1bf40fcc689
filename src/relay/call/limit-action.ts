import type { AgentProfile } from "../../domain/agent-profile.js";
import type { Disposition } from "./call-events.js";
import type { LimitReached } from "./limit-watch.js";
import * as prompts from "./prompts.js";

/**
 * What a limit does to a call: something is said and the call goes on, or the agent says goodbye.
 */
export type LimitAction =
  | { readonly kind: "say"; readonly instructions: string }
  | { readonly kind: "leave"; readonly disposition: Disposition };

export function limitAction(limit: LimitReached, agent: AgentProfile): LimitAction {
  switch (limit) {
    case "idle_prompt":
      return { kind: "say", instructions: prompts.STILL_THERE };
    case "time_warning":
      return { kind: "say", instructions: prompts.TIME_NEARLY_UP };
    case "idle":
      return { kind: "leave", disposition: { kind: "end", reason: "idle", farewell: "ask" } };
    case "max_call_minutes":
    case "max_cost_usd": {
      const { default: destination } = agent.transfer;
      if (destination === null)
        return { kind: "leave", disposition: { kind: "end", reason: limit, farewell: "ask" } };
      const request = {
        destination,
        reason: limit,
        summary: null,
        urgency: null,
        by: "limit",
      } as const;
      return { kind: "leave", disposition: { kind: "transfer", farewell: "ask", request } };
    }
  }
}
