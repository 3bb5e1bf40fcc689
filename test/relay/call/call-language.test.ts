import { describe, expect, it } from "vitest";
import { CallLanguage } from "../../../src/relay/call/call-language.js";
import type { ModelSession } from "../../../src/relay/model/model-session.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";

const PARTIES = {
  callSid: sid(1),
  from: "+15550001111",
  to: "+15550002222",
  direction: "inbound",
  callToken: null,
} as const;

function language(instructions = "Be brief.") {
  const updates: Parameters<ModelSession["update"]>[0][] = [];
  const session = { update: (change) => void updates.push(change) } as ModelSession;
  const profile = agent({
    instructions,
    languages: new Map([
      ["es", { instructions: "Sé breve.", voice: "cedar" }],
      ["fr", { instructions: null, voice: null }],
    ]),
  });
  return { updates, one: new CallLanguage(profile, PARTIES, new FakeClock(), () => session) };
}

describe("the language of a call", () => {
  it("is the agent's own until another is set, with its instructions and voice", () => {
    const { updates, one } = language();
    expect([one.current, one.isFirst, one.voice]).toEqual(["en", true, "marin"]);
    expect(one.instructions).not.toContain("language");
    expect(one.set("es")).toBe(true);
    expect([one.current, one.isFirst, one.voice]).toEqual(["es", false, "cedar"]);
    expect(one.instructions).toContain("Sé breve.");
    expect(updates).toEqual([{ instructions: one.instructions, voice: "cedar" }]);
  });

  it("keeps the agent's instructions and voice where it has none of its own", () => {
    const { one } = language();
    one.set("fr");
    expect(one.voice).toBe("marin");
    expect(one.instructions).toContain("Be brief.");
    expect(one.instructions).toContain("fr");
  });

  it("does not change to one that the agent does not speak", () => {
    const { updates, one } = language();
    expect(one.set("it")).toBe(false);
    expect([one.current, updates]).toEqual(["en", []]);
  });

  it("is the caller's, as the look-up tells it, also without the region", () => {
    const { one } = language();
    one.recognised("es-MX", {});
    expect(one.current).toBe("es");
    one.recognised("it-IT", {});
    expect(one.current).toBe("es");
  });

  it("is told once more to a session that was opened before it changed", () => {
    const { updates, one } = language();
    one.opened(false);
    one.ready();
    expect(updates).toEqual([]);
    one.set("es");
    updates.length = 0;
    one.ready();
    expect(updates).toHaveLength(1);
    one.opened(false);
    one.ready();
    expect(updates).toHaveLength(1);
  });

  it("comes back with the caller's fields in another process", () => {
    const { one } = language("Hello {{caller.name}}.");
    one.restore({ name: "Ann" }, "en");
    expect(one.instructions).toContain("Hello Ann.");
    expect(one.callerFields).toEqual({ name: "Ann" });
  });
});

describe("instructions that name the caller", () => {
  it("are told again once the look-up has answered, if the session was opened before", () => {
    const { updates, one } = language("Hello {{caller.name}}.");
    one.opened(true);
    one.recognised(null, { name: "Ann" });
    expect(updates).toEqual([{ instructions: one.instructions }]);
    expect(one.instructions).toContain("Hello Ann.");
  });

  it("are told once where the session is opened after the look-up", () => {
    const { updates, one } = language("Hello {{caller.name}}.");
    one.recognised(null, { name: "Ann" });
    one.opened(false);
    expect(updates).toEqual([]);
  });
});
