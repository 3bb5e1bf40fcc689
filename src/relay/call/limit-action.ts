import type { AgentProfile } from "../../domain/agent-profile.js";
import type { Disposition } from "./call-state.js";
import type { LimitReached } from "./limit-watch.js";
import * as prompts from "./prompts.js";

/** What a limit does to a call: something is said and the call goes on, or the agent says goodbye. */
export type LimitAction =
  | { readonly kind: "say"; readonly instructions: string }
  | { readonly kind: "leave"; readonly departure: Disposition };

export function limitAction(verdict: LimitReached, agent: AgentProfile): LimitAction {
  switch (verdict) {
    case "idle_prompt":
      return { kind: "say", instructions: prompts.STILL_THERE };
    case "time_warning":
      return { kind: "say", instructions: prompts.TIME_NEARLY_UP };
    case "idle":
      return { kind: "leave", departure: { kind: "end", reason: "idle", farewell: "ask" } };
    case "max_call_minutes":
    case "max_cost_usd": {
      const { default: destination } = agent.transfer;
      if (destination === null)
        return { kind: "leave", departure: { kind: "end", reason: verdict, farewell: "ask" } };
      const request = {
        destination,
        reason: verdict,
        summary: null,
        urgency: null,
        by: "limit",
      } as const;
      return { kind: "leave", departure: { kind: "transfer", farewell: "ask", request } };
    }
  }
}
