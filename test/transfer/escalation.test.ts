import { describe, expect, it } from "vitest";
import { RelayError } from "../../src/domain/errors.js";
import { Escalation } from "../../src/transfer/escalation.js";
import { FakeClock } from "../fakes/fake-clock.js";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function told(escalate: (() => Promise<string | null>) | null) {
  const clock = new FakeClock();
  const seen: string[] = [];
  const escalation = new Escalation(escalate, clock, {
    escalated: (reference) => void seen.push(`escalated ${reference}`),
    failed: (code) => void seen.push(`failed ${code}`),
  });
  return { clock, seen, escalation };
}

describe("an escalation", () => {
  it("holds up nothing where there is no CRM", () => {
    const { escalation, seen, clock } = told(null);
    escalation.whenTold(() => void seen.push("ran"));
    expect(seen).toEqual(["ran"]);
    expect(escalation.caseReference).toBeNull();
    expect(clock.pending).toBe(0);
  });

  it("lets a document wait for the name of the case", async () => {
    let answer: (reference: string) => void = () => undefined;
    const { escalation, seen, clock } = told(() => new Promise((resolve) => (answer = resolve)));
    escalation.whenTold(() => void seen.push(`ran with ${escalation.caseReference}`));
    await settle();
    expect(seen).toEqual([]);
    answer("CASE-1");
    await settle();
    expect(seen).toEqual(["escalated CASE-1", "ran with CASE-1"]);
    expect(clock.pending).toBe(0);
    escalation.whenTold(() => void seen.push("at once"));
    expect(seen.at(-1)).toBe("at once");
  });

  it("is not waited for beyond 700 ms, and a late answer is still told", async () => {
    let answer: (reference: string) => void = () => undefined;
    const { escalation, seen, clock } = told(() => new Promise((resolve) => (answer = resolve)));
    escalation.whenTold(() => void seen.push("ran"));
    clock.advance(699);
    expect(seen).toEqual([]);
    clock.advance(1);
    expect(seen).toEqual(["ran"]);
    answer("CASE-1");
    await settle();
    expect(seen).toEqual(["ran", "escalated CASE-1"]);
  });

  it.each<[string, () => Promise<string | null>]>([
    [
      "rejects",
      async () => {
        throw new RelayError("tool_timeout", "late");
      },
    ],
    [
      "throws",
      () => {
        throw new RelayError("tool_timeout", "late");
      },
    ],
  ])("that %s is a failure, and the document goes out", async (_what, escalate) => {
    const { escalation, seen } = told(escalate);
    escalation.whenTold(() => void seen.push("ran"));
    await settle();
    expect(seen).toEqual(["failed tool_timeout", "ran"]);
  });

  it("waits no more once it is closed", () => {
    const { escalation, clock } = told(() => new Promise(() => undefined));
    escalation.whenTold(() => undefined);
    escalation.close();
    expect(clock.pending).toBe(0);
  });
});
