import { describe, expect, it } from "vitest";
import { agentFor, partiesOf } from "../../../src/relay/calls/inbound.js";
import { ACCOUNT, agent, CallBench, sid } from "../../fakes/call-bench.js";

const AGENTS = {
  agents: new Map(["support", "sales"].map((name) => [name, agent({ name })])),
  numbers: new Map([["+15550002222", "sales"]]),
  defaultAgent: "support",
};

describe("agentFor", () => {
  it.each([
    [{ To: "+15550002222" }, "sales"],
    [{ To: "+15550009999" }, "support"],
    [{}, "support"],
    // The relay has placed this call: our number is the one that calls.
    [{ To: "+15550009999", From: "+15550002222", Direction: "outbound-api" }, "sales"],
    [{ To: "+15550002222", From: "+15550009999", Direction: "outbound-api" }, "support"],
  ])("goes by our number: %j is %s's", (form, name) => {
    expect(agentFor(AGENTS, form)?.name).toBe(name);
  });

  it("finds none where no agent answers the number", () => {
    expect(agentFor({ ...AGENTS, defaultAgent: null }, { To: "+1" })).toBeNull();
    expect(agentFor({ ...AGENTS, defaultAgent: "gone" }, { To: "+1" })).toBeNull();
  });
});

describe("partiesOf", () => {
  it("reads who is on the line, and puts up with what Twilio leaves out", () => {
    expect(partiesOf(sid(1), { From: "+1", To: "+2", CallToken: "t" })).toEqual({
      callSid: sid(1),
      from: "+1",
      to: "+2",
      direction: "inbound",
      callToken: "t",
    });
    expect(partiesOf(sid(1), { Direction: "outbound-dial" })).toMatchObject({
      from: "",
      direction: "outbound",
      callToken: null,
    });
  });
});

describe("a caller whom no agent answers", () => {
  it("hears an apology, and is found in the log by CallSid", async () => {
    const bench = new CallBench();
    (bench.calls.agents.agents as Map<string, unknown>).clear();
    const twiml = await bench.calls.incoming(bench.form(1));
    expect(twiml.map(({ verb }) => verb)).toEqual(["say", "hangup"]);
    const fields = JSON.stringify({ callSid: sid(1), reason: "no_agent" });
    expect(bench.log.lines).toContain(`warn call: not taken ${fields}`);
  });
});

describe("the stream of a caller", () => {
  const refusals = ({ fake }: CallBench, reason: string) =>
    fake.count("authFailures", { surface: "token", reason });

  it.each([
    ["of another account", {}, `AC${"9".repeat(32)}`, sid(1), "invalid"],
    ["without a token", { token: "" }, ACCOUNT, sid(1), "missing"],
    ["with a token of another call", {}, ACCOUNT, sid(2), "invalid"],
    ["with another caller than its token", { from: "+15559999999" }, ACCOUNT, sid(1), "invalid"],
    ["with another agent than its token", { agent: "sales" }, ACCOUNT, sid(1), "invalid"],
  ])("%s is closed, and nothing goes to the model", async (_, change, account, callSid, reason) => {
    const bench = new CallBench(agent(), { prewarm: false });
    const parameters = { ...(await bench.ring()), ...change };
    const stream = bench.stream();
    stream.start(callSid, parameters, account);
    expect([stream.closedWith, refusals(bench, reason)]).toEqual([1008, 1]);
    expect(bench.dialer.sockets).toEqual([]);
  });

  it("is taken by a process that did not answer the webhook: the token brings what is needed", async () => {
    const [first, second] = [new CallBench(), new CallBench()];
    const parameters = await first.ring();
    const stream = second.stream();
    stream.start(sid(1), parameters);
    expect(stream.closedWith).toBeNull();
    expect(second.recorded("opened")).toMatchObject([{ from: "+15550001111", agent: "support" }]);
    expect(second.dialer.sockets).toHaveLength(1);
  });

  it("is not taken so while the process drains", async () => {
    const [first, second] = [new CallBench(), new CallBench()];
    const parameters = await first.ring();
    second.registry.beginDrain();
    const stream = second.stream();
    stream.start(sid(1), parameters);
    expect(stream.closedWith).toBe(1008);
  });
});

describe("a webhook that comes again", () => {
  it("gets a fresh token for the same call, and no second session", async () => {
    const bench = new CallBench();
    const [first, second] = [await bench.ring(), await bench.ring()];
    expect(first["token"]).not.toBe(second["token"]);
    expect([bench.dialer.sockets.length, bench.recorded("opened").length]).toEqual([1, 1]);
  });
});
