import { describe, expect, it } from "vitest";
import type { AgentProfile } from "../../../src/domain/agent-profile.js";
import type { CallerProfile } from "../../../src/ports/crm.js";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import { CallLanguage } from "../../../src/relay/call/call-language.js";
import { Greeting, type GreetingHost } from "../../../src/relay/call/greeting.js";
import type { OwedCause } from "../../../src/relay/call/reply-ledger.js";
import type { ModelSession } from "../../../src/relay/model/model-session.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { settle } from "../../fakes/sip-bench.js";

const ANN: CallerProfile = {
  name: "Ann",
  language: null,
  notes: "Waits for order 4217.",
  openCases: [],
};

function stage(profile: AgentProfile = agent(), found?: Promise<CallerProfile | null>) {
  const clock = new FakeClock();
  const told: string[] = [];
  const owed: OwedCause[] = [];
  const session = {
    greet: (text: string) => void told.push(`greet ${text}`),
    speak: (text: string) => void told.push(`speak ${text}`),
    update: () => undefined,
  } as unknown as ModelSession;
  const parties = {
    callSid: sid(1),
    from: "+15550001111",
    to: "+15550002222",
    direction: "inbound",
    callToken: null,
  } as const;
  const host = {
    parties,
    agent: profile,
    eventLog: new CallEventLog(sid(1), { write: () => undefined }, () => clock.nowMs()),
    session,
    isOver: false,
    noteModel: (text: string) => void told.push(`note ${text}`),
    reply: { owe: (cause: OwedCause) => void owed.push(cause) },
  };
  const language = new CallLanguage(profile, parties, clock, () => session);
  const lookUp = found === undefined ? null : () => found;
  const one = new Greeting(host as unknown as GreetingHost, language, lookUp);
  return { told, owed, host, one };
}

describe("the first words of a call", () => {
  it("are asked for once", () => {
    const { told, owed, one } = stage();
    one.begin();
    one.begin();
    expect(told).toEqual([expect.stringContaining("greet The caller has just been connected.")]);
    expect(told[0]).toContain('"Hello!"');
    expect([owed, one.isDone]).toEqual([["greeting"], true]);
  });

  it("are the caller's where the agent has no greeting", () => {
    const { told, owed, one } = stage(agent({ greeting: null }));
    one.begin();
    expect([told, owed, one.isDone]).toEqual([[], [], true]);
  });

  it("wait for who the caller is, and the model is told first", async () => {
    const { told, one } = stage(agent(), Promise.resolve(ANN));
    one.lookUpCaller();
    one.begin();
    expect([told, one.isLookingUp]).toEqual([[], true]);
    await settle();
    expect(told.map((text) => text.split(" ")[0])).toEqual(["note", "greet"]);
    expect(told[0]).toContain("Waits for order 4217.");
    expect(one.facts).toContain("Ann");
  });

  it("are not spoken by a call that ended while the look-up ran", async () => {
    const { told, host, one } = stage(agent(), Promise.resolve(ANN));
    one.lookUpCaller();
    one.begin();
    host.isOver = true;
    await settle();
    expect([told, one.facts]).toEqual([[], null]);
  });

  it("wait while a machine plays its own greeting, and a message takes their place", () => {
    const { told, one } = stage();
    one.postpone();
    one.begin();
    expect(told).toEqual([]);
    one.replaceBy("Leave a message.");
    expect(told).toEqual(["speak Leave a message."]);
    expect(one.isDone).toBe(true);
  });

  it("are a message at once where the machine is known before the session is ready", () => {
    const { told, one } = stage();
    one.replaceBy("Leave a message.");
    expect(told).toEqual([]);
    one.begin();
    expect(told).toEqual(["speak Leave a message."]);
  });

  it("are left out by a process that takes the call over, with what it was told", () => {
    const { told, one } = stage();
    one.restoreFacts("The caller is Ann.");
    one.skip();
    one.begin();
    expect([told, one.facts]).toEqual([[], "The caller is Ann."]);
  });

  it("follow what a placed call is about", () => {
    const { told, one } = stage();
    one.giveContext({ order: "4217" });
    one.begin();
    expect(told[0]).toContain('{"order":"4217"}');
  });
});
