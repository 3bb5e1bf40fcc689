import { afterEach, describe, expect, it } from "vitest";
import type { SipHeader } from "../../sim/sip/endpoints.js";
import { type SipStage, sipAgent, startSipStage } from "../fakes/sip-stage.js";

const SALES_NUMBER = "+15550002222";

let stage: SipStage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

/** Two agents: `support` answers every number, `sales` just one. */
async function start(): Promise<SipStage> {
  const support = { ...sipAgent("warm"), instructions: "You are support." };
  const sales = { ...sipAgent("warm"), name: "sales", instructions: "You are sales." };
  stage = await startSipStage({
    agents: {
      agents: new Map([
        ["support", support],
        ["sales", sales],
      ]),
      numbers: new Map([[SALES_NUMBER, "sales"]]),
      defaultAgent: "support",
    },
    twilio: { numbers: ["+15550001111", SALES_NUMBER] },
  });
  return stage;
}

/** Who was woken for the model's call with this index. */
async function agentOf(stage: SipStage, index: number): Promise<string> {
  const call = await stage.greeted(index);
  return String(call.session?.config["instructions"]);
}

/** Everything that murelay gave the model's leg to bear, and nothing that a carrier adds. */
function ours(headers: readonly SipHeader[]): SipHeader[] {
  return headers.filter(({ name }) => /^x-/i.test(name) && !/^x-twilio-/i.test(name));
}

describe("the headers of a call that reaches the model directly", () => {
  it("choose the agent by the number that was dialled, and by nothing else", async () => {
    const stage = await start();
    const lies = ["X-Agent", "X-Murelay-Agent", "X-Destination", "X-Conference", "X-CallSid"];
    stage.trunk.placeCall({
      dialled: SALES_NUMBER,
      headers: lies.map((name) => ({ name, value: "support" })),
    });
    expect(await agentOf(stage, 0)).toContain("You are sales.");
    stage.trunk.placeCall({
      dialled: "+15550001111",
      headers: lies.map((name) => ({ name, value: "sales" })),
    });
    expect(await agentOf(stage, 1)).toContain("You are support.");
    expect(stage.model.violations()).toEqual([]);
  });

  it("do not let in who repeats the token of a call that is running", async () => {
    const stage = await start();
    const caller = stage.place({ to: SALES_NUMBER });
    const legitimate = await stage.greeted(0);
    const token = ours(legitimate.headers);
    expect(token.length).toBeGreaterThan(0);
    const before = stage.twilio.requests.length;
    const thief = stage.trunk.placeCall({ dialled: "+15550001111", headers: token });
    const stolen = await stage.model.sip.call(1);
    await Promise.race([stolen.ended, stolen.events.until("speaking", { on: false })]);
    // Refused, or a call of its own; never a second voice in the first caller's call.
    expect(stolen.session?.config["instructions"] ?? "").not.toContain("You are sales.");
    thief.hangUp();
    await stolen.ended;
    expect(legitimate.state).toBe("live");
    expect(stage.twilio.connections.now(caller.sid).with).toHaveLength(1);
    expect(stage.twilio.requests.slice(before)).toEqual([]);
    caller.hangUp();
    await stage.until(caller.sid, "ended");
    expect(stage.record(caller.sid)).toMatchObject({ agent: "sales", outcome: "completed" });
  });

  it("do not help a token that was changed", async () => {
    const stage = await start();
    const caller = stage.place({ to: SALES_NUMBER });
    const legitimate = await stage.greeted(0);
    const changed = ours(legitimate.headers).map(({ name, value }) => ({
      name,
      value: value.replace(/[a-z0-9](?=[^a-z0-9]*$)/i, (last) => (last === "A" ? "B" : "A")),
    }));
    stage.trunk.placeCall({ dialled: "+15550001111", headers: changed });
    const call = await stage.model.sip.call(1);
    await Promise.race([call.ended, call.events.until("speaking", { on: false })]);
    expect(call.session?.config["instructions"] ?? "").not.toContain("You are sales.");
    expect(legitimate.state).toBe("live");
    caller.hangUp();
    await stage.until(caller.sid, "ended");
  });
});
