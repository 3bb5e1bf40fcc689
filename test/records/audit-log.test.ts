import { describe, expect, it } from "vitest";
import type { CallSid } from "../../src/domain/ids.js";
import type { AuditEntry } from "../../src/ports/store.js";
import { AuditLog } from "../../src/records/audit-log.js";
import { memoryAudit } from "../../src/records/memory-audit.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

const ADA = { name: "ada", role: "supervisor" } as const;
const CALL = "CA1" as CallSid;

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await undefined;
}

function auditLog() {
  const clock = new FakeClock();
  const memory = memoryAudit();
  const log = new FakeLog();
  const state = { isAway: false };
  let ids = 0;
  const store = {
    ...memory,
    addAudit: async (entries: readonly AuditEntry[]) => {
      if (state.isAway) throw new Error("away");
      await memory.addAudit(entries);
    },
  };
  const audit = new AuditLog({ store, clock, log, newId: () => `id${ids++}` });
  const act = (action: string, callSid: CallSid | null = CALL): void =>
    audit.write({ operator: ADA, action, callSid, status: 202 });
  const found = async () => (await memory.findAudit({}, null, 10)).map(({ action }) => action);
  return { audit, act, clock, found, log, state };
}

describe("the audit log", () => {
  it("stores each act with operator, role, call, answer and time", async () => {
    const { audit, act } = auditLog();
    act("note");
    expect(await audit.find({}, null, 10)).toEqual([
      {
        id: "id0",
        epochMs: Date.UTC(2026, 10, 21),
        operator: "ada",
        role: "supervisor",
        action: "note",
        callSid: CALL,
        status: 202,
      },
    ]);
  });

  it("keeps acts while the database is away, and logs each of them at once", async () => {
    const { act, clock, found, log, state } = auditLog();
    state.isAway = true;
    act("note");
    act("say");
    await settled();
    expect(await found()).toEqual([]);
    expect(log.lines.filter((line) => line.includes("audit: act"))).toHaveLength(2);
    state.isAway = false;
    clock.advance(5_000);
    await settled();
    expect((await found()).sort()).toEqual(["note", "say"]);
  });

  it("tries once more at its end, and sets no timer after it", async () => {
    const { audit, act, clock, found, state } = auditLog();
    state.isAway = true;
    act("note");
    await settled();
    state.isAway = false;
    await audit.stop();
    expect([await found(), clock.pending]).toEqual([["note"], 0]);
  });
});
