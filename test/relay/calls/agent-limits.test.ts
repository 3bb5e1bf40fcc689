import { describe, expect, it } from "vitest";
import type { Limits } from "../../../src/domain/agent-profile.js";
import type { AgentRefusal } from "../../../src/domain/refusal-reasons.js";
import { agentRefusal } from "../../../src/relay/calls/agent-limits.js";
import { agent } from "../../fakes/call-bench.js";

const LINE = "+12025550100";
const inbound = (from: string, to = LINE) => ({ from, to, direction: "inbound" }) as const;
const ANNA = inbound("+12025550177");
const HIDDEN = inbound("anonymous");

describe("agentRefusal", () => {
  it.each<[string, Partial<Limits>, ReturnType<typeof inbound>[], AgentRefusal | null]>([
    ["nothing is limited", {}, [ANNA, ANNA, ANNA], null],
    ["the caller has fewer calls", { maxCallsPerCaller: 2 }, [ANNA], null],
    ["the caller has as many calls", { maxCallsPerCaller: 2 }, [ANNA, ANNA], "caller_limit"],
    [
      "the caller's number is written otherwise",
      { maxCallsPerCaller: 1 },
      [inbound("tel:+1-202-555-0177")],
      "caller_limit",
    ],
    ["others call", { maxCallsPerCaller: 1 }, [inbound("+12025550178"), HIDDEN], null],
    ["the line is full", { maxCallsPerLine: 2 }, [HIDDEN, inbound("+12025550178")], "line_limit"],
    [
      "another line is full",
      { maxCallsPerLine: 1 },
      [inbound("+12025550178", "+12025550101")],
      null,
    ],
    ["the day's budget is used up", { maxUsdPerDay: 10 }, [], "daily_budget"],
    ["the day's budget is not used up", { maxUsdPerDay: 10.01 }, [], null],
  ])("judges a caller when %s", (_when, limits, others, refusal) => {
    expect(agentRefusal({ ...agent().limits, ...limits }, ANNA, others, 10)).toBe(refusal);
  });

  it("counts callers who hide their number apart, never as one caller", () => {
    const limits = { ...agent().limits, maxCallsPerCaller: 1 };
    expect(agentRefusal(limits, HIDDEN, [HIDDEN, HIDDEN], 0)).toBeNull();
    const apart = { ...limits, maxWithheldCalls: 2 };
    expect(agentRefusal(apart, HIDDEN, [HIDDEN, ANNA], 0)).toBeNull();
    expect(agentRefusal(apart, inbound("+266696687"), [HIDDEN, HIDDEN], 0)).toBe("withheld_limit");
    expect(agentRefusal(apart, ANNA, [HIDDEN, HIDDEN], 0)).toBeNull();
  });

  it("does not concern calls that the relay has placed", () => {
    const limits = { ...agent().limits, maxCallsPerCaller: 1, maxCallsPerLine: 1, maxUsdPerDay: 1 };
    const placed = { from: LINE, to: "+12025550177", direction: "outbound" } as const;
    expect(agentRefusal(limits, placed, [placed], 9)).toBeNull();
    expect(agentRefusal({ ...limits, maxUsdPerDay: null }, ANNA, [placed], 0)).toBeNull();
  });
});
