import { describe, expect, it } from "vitest";
import { limitAction } from "../../../src/relay/call/limit-action.js";
import * as prompts from "../../../src/relay/call/prompts.js";
import { agent } from "../../fakes/call-bench.js";

const alone = agent({ transfer: { ...agent().transfer, default: null } });

describe("a limit that is reached", () => {
  it.each([
    ["idle_prompt", prompts.STILL_THERE],
    ["time_warning", prompts.TIME_NEARLY_UP],
  ] as const)("%s has something said", (limit, instructions) => {
    expect(limitAction(limit, agent())).toEqual({ kind: "say", instructions });
  });

  it("of silence ends the call with a goodbye", () => {
    expect(limitAction("idle", agent())).toEqual({
      kind: "leave",
      disposition: { kind: "end", reason: "idle", farewell: "ask" },
    });
  });

  it.each(["max_call_minutes", "max_cost_usd"] as const)(
    "%s takes the caller to a person, or says goodbye where there is none",
    (limit) => {
      expect(limitAction(limit, agent())).toMatchObject({
        disposition: { kind: "transfer", request: { destination: "desk", by: "limit" } },
      });
      expect(limitAction(limit, alone)).toMatchObject({
        disposition: { kind: "end", reason: limit, farewell: "ask" },
      });
    },
  );
});
