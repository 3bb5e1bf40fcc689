import { describe, expect, it } from "vitest";
import { LiveAgents } from "../../src/app/live-agents.js";
import type { AgentsFile } from "../../src/domain/agent-profile.js";
import { agent } from "../fakes/call-bench.js";

const fileWith = (name: string, more: Partial<AgentsFile> = {}): AgentsFile => ({
  agents: new Map([[name, agent({ name })]]),
  numbers: new Map([["+15550001111", name]]),
  defaultAgent: name,
  ...more,
});

describe("LiveAgents", () => {
  it("shows the latest agents, numbers and default through the same object", () => {
    const live = new LiveAgents(fileWith("old"));
    const { file } = live;
    const before = file.agents.get("old");
    live.replace(fileWith("new"));
    expect([...file.agents.keys()]).toEqual(["new"]);
    expect([file.numbers.get("+15550001111"), file.defaultAgent]).toEqual(["new", "new"]);
    // A running call keeps what it was given.
    expect(before?.name).toBe("old");
  });

  it("names the parts that only a restart changes", () => {
    const redact = { cardNumbers: true, patterns: [] };
    const live = new LiveAgents(fileWith("a", { redact }));
    expect(live.replace(fileWith("b", { redact: { ...redact } }))).toEqual([]);
    const changed = { redact: { ...redact, patterns: ["x"] }, pricingFile: "/prices.yaml" };
    expect(live.replace(fileWith("b", changed))).toEqual(["redact", "pricingFile"]);
    expect(live.file.redact).toEqual(redact);
  });

  it("puts the file before the last one in force again, once", () => {
    const live = new LiveAgents(fileWith("first"));
    expect(live.takeBack()).toBe(false);
    live.replace(fileWith("second"));
    live.replace(fileWith("third"));
    expect([live.takeBack(), live.file.defaultAgent]).toEqual([true, "second"]);
    expect([live.takeBack(), live.file.defaultAgent]).toEqual([false, "second"]);
  });
});
