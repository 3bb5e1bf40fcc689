import { describe, expect, it } from "vitest";
import type { AgentProfile, Destination } from "../../src/domain/agent-profile.js";
import {
  afterLastStep,
  failoverListOf,
  MAX_FAILOVER_STEPS,
} from "../../src/transfer/failover-list.js";
import { failoverAgent } from "./directory.js";
import { destinationNamed } from "./document-parts.js";

function withDestinations(destinations: readonly Destination[]): AgentProfile {
  const base = failoverAgent("desk");
  return {
    ...base,
    transfer: {
      ...base.transfer,
      destinations: new Map(destinations.map((one) => [one.name, one])),
    },
  };
}

const names = (agent: AgentProfile, first: string) =>
  failoverListOf(agent, first).map(({ name }) => name);

describe("a failover list", () => {
  it("begins anywhere in the directory and follows then", () => {
    const agent = failoverAgent("desk", "queue", "sip");
    expect(names(agent, "desk")).toEqual(["desk", "queue", "sip"]);
    expect(names(agent, "queue")).toEqual(["queue", "sip"]);
    expect(names(agent, "nowhere")).toEqual([]);
  });

  it("tries each destination once", () => {
    const circle = withDestinations([
      { ...destinationNamed("desk"), then: "sip" },
      { ...destinationNamed("sip"), then: "desk" },
    ]);
    expect(names(circle, "desk")).toEqual(["desk", "sip"]);
  });

  it("ends at a destination that is not there, and after six in any case", () => {
    expect(
      names(withDestinations([{ ...destinationNamed("desk"), then: "gone" }]), "desk"),
    ).toEqual(["desk"]);
    const many = Array.from({ length: 10 }, (_, i) => ({
      ...destinationNamed("desk"),
      name: `d${i}`,
      then: `d${i + 1}`,
    }));
    expect(names(withDestinations(many), "d0")).toHaveLength(MAX_FAILOVER_STEPS);
  });

  it("ends with the agent, but not for callers whom the agent sent away for good", () => {
    expect(
      (["agent", "key", "supervisor", "failure", "limit"] as const).map(afterLastStep),
    ).toEqual(["agent", "agent", "agent", "apology", "apology"]);
  });
});
