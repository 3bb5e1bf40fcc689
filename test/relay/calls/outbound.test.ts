import { beforeEach, describe, expect, it } from "vitest";
import type { AgentsFile } from "../../../src/domain/agent-profile.js";
import type { TwilioCallStatus } from "../../../src/domain/call-status.js";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallSid } from "../../../src/domain/ids.js";
import type { PolicyRefusal } from "../../../src/domain/refusal-reasons.js";
import type { NewCall } from "../../../src/ports/twilio.js";
import { MemoryJournal } from "../../../src/records/memory-journal.js";
import { type LinkOf, readCallbackLink } from "../../../src/relay/calls/callback-link.js";
import { Outbound, type PlacedCall } from "../../../src/relay/calls/outbound.js";
import { agent } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { FakeLog } from "../../fakes/fake-ports.js";

const SID = `CA${"1".repeat(32)}` as CallSid;
const ORDER = { to: "+12025550177", from: null, agent: "support", context: { order: "4217" } };
const gone = new RelayError("twilio_timeout", "no answer", { retryable: true });

describe("Outbound", () => {
  let clock: FakeClock;
  let journal: MemoryJournal;
  let asked: NewCall[];
  let create: () => Promise<CallSid>;
  let found: { sid: CallSid; status: TwilioCallStatus }[];
  let status: () => Promise<TwilioCallStatus>;
  let kept: Map<string, PlacedCall>;
  let database: boolean;
  let hangs: boolean;
  let policy: PolicyRefusal | null;
  let fake: FakeMetrics;
  beforeEach(() => {
    clock = new FakeClock();
    journal = new MemoryJournal({});
    asked = [];
    create = async () => SID;
    found = [];
    status = async () => "ringing";
    kept = new Map();
    database = true;
    hangs = false;
    policy = null;
    fake = new FakeMetrics();
  });

  function start(shared = true): Outbound {
    const support = { ...agent({}), name: "support" };
    const agents: AgentsFile = {
      agents: new Map([[support.name, support]]),
      numbers: new Map([["+12025550100", "support"]]),
      defaultAgent: null,
    };
    return new Outbound({
      agents,
      clock,
      log: new FakeLog(),
      journal,
      publicUrl: "https://relay.test",
      node: "n1",
      refusal: () => null,
      policy: { admit: async () => policy },
      metrics: fake.metrics,
      placed: shared
        ? {
            keep: async (id, placed) => void kept.set(id, placed),
            take: async (id) => {
              if (!database) throw new RelayError("store_unavailable", "away", { retryable: true });
              if (hangs) return await new Promise(() => undefined);
              const placed = kept.get(id) ?? null;
              kept.delete(id);
              return placed;
            },
          }
        : null,
      control: {
        createCall: async (call) => {
          asked.push(call);
          return await create();
        },
        findCalls: async () => found,
        status: async () => await status(),
      },
    });
  }
  const linkOf = (url: string): LinkOf<"outbound"> => {
    const link = readCallbackLink(Object.fromEntries(new URL(url).searchParams));
    if (link.kind !== "outbound") throw new Error("not a link of an outbound call");
    return link;
  };
  const settle = async () => await new Promise((resolve) => setImmediate(resolve));

  it("asks Twilio for machine detection and a callback, and keeps the context", async () => {
    const outbound = start();
    expect(await outbound.place(ORDER)).toEqual({ callSid: SID });
    const [call] = asked;
    expect(call).toMatchObject({ to: ORDER.to, from: "+12025550100", timeoutS: 60 });
    for (const [url, path] of [
      [call!.url, "/incoming-call"],
      [call!.statusCallback, "/call-status"],
      [call!.amdStatusCallback ?? "", "/amd-status"],
    ] as const) {
      expect(new URL(url).pathname).toBe(path);
      expect(url).not.toContain("4217");
    }
    // Another process is asked.
    const answered = await start().answered(SID, linkOf(call!.url));
    expect(answered).toMatchObject({ agent: { name: "support" }, context: { order: "4217" } });
  });

  it("counts a call that the policy refuses, and asks Twilio for nothing", async () => {
    policy = "country_not_allowed";
    expect(await start().place(ORDER)).toEqual({ refusal: "country_not_allowed" });
    expect([asked, kept.size, journal.record(SID)]).toEqual([[], 0, null]);
    expect(fake.count("outboundRefused", { reason: "country_not_allowed" })).toBe(1);
  });

  it("needs no database while the same process is asked", async () => {
    const outbound = start(false);
    await outbound.place(ORDER);
    expect(await outbound.answered(SID, linkOf(asked[0]!.url))).toMatchObject({
      context: ORDER.context,
    });
  });

  it("connects a person who answers while the database is away", async () => {
    const outbound = start();
    await outbound.place(ORDER);
    database = false;
    const answered = await outbound.answered(SID, linkOf(asked[0]!.url));
    expect(answered).toMatchObject({
      agent: { name: "support" },
      context: null,
      placedEpochMs: null,
    });
  });

  it("does not wait long for a database that says nothing", async () => {
    const outbound = start();
    await outbound.place(ORDER);
    hangs = true;
    const answered = outbound.answered(SID, linkOf(asked[0]!.url));
    clock.advance(500);
    expect(await answered).toMatchObject({ agent: { name: "support" }, context: null });
  });

  it("ignores an inbound call", async () => {
    const link = { kind: "outbound", id: "x", agent: "unknown" } as const;
    expect(await start().answered(SID, link)).toBeNull();
  });

  it("looks for a call of which Twilio did not say whether it was placed, and places no second one", async () => {
    create = async () => Promise.reject(gone);
    found = [{ sid: SID, status: "queued" }];
    expect(await start().place(ORDER)).toEqual({ callSid: SID });
    expect(asked).toHaveLength(1);
    found = [];
    await expect(start().place(ORDER)).rejects.toMatchObject({ code: "twilio_timeout" });
  });

  it.each([
    ["no-answer", "no_answer"],
    ["canceled", "canceled"],
  ] as const)("ends the record of a call that ended %s", async (ended, reason) => {
    const outbound = start();
    await outbound.place(ORDER);
    clock.advance(30_000);
    outbound.status(SID, { CallStatus: ended }, linkOf(asked[0]!.statusCallback));
    await settle();
    expect(journal.record(SID)?.endedAt).toBe(new Date(clock.epochMs()).toISOString());
    expect(journal.record(SID)).toMatchObject({
      state: "ended",
      outcome: "failed",
      endReason: reason,
    });
    expect(kept.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it("asks what became of a call when no callback has told it", async () => {
    const outbound = start();
    await outbound.place(ORDER);
    clock.advance(119_999);
    status = async () => "no-answer";
    expect(journal.record(SID)?.state).toBe("live");
    clock.advance(1);
    await settle();
    expect(journal.record(SID)).toMatchObject({
      outcome: "failed",
      endReason: "no_answer",
      startedAt: new Date(clock.epochMs() - 120_000).toISOString(),
      endedAt: new Date(clock.epochMs()).toISOString(),
    });
  });

  it("asks again while Twilio does not answer, and ends the record after an hour", async () => {
    const outbound = start();
    await outbound.place(ORDER);
    const askedMs: number[] = [];
    status = async () => {
      askedMs.push(clock.nowMs());
      throw gone;
    };
    clock.advance(120_000);
    await settle();
    while (clock.pending > 0) {
      clock.advance(5_000);
      await settle();
    }
    const pauses = askedMs.slice(1).map((ms, n) => (ms - askedMs[n]!) / 1000);
    expect(pauses.slice(0, 7)).toEqual([5, 10, 20, 40, 80, 160, 300]);
    expect(askedMs).toHaveLength(16);
    const lastMs = askedMs.at(-1)! - askedMs[0]!;
    expect(lastMs).toBeGreaterThan(45 * 60_000);
    expect(lastMs).toBeLessThan(60 * 60_000);
    expect(journal.record(SID)).toMatchObject({
      state: "ended",
      outcome: "failed",
      endReason: "status_unknown",
    });
    expect(kept.size).toBe(0);
  });

  it("takes the answer that comes after one that did not", async () => {
    const outbound = start();
    await outbound.place(ORDER);
    status = async () => Promise.reject(gone);
    clock.advance(120_000);
    await settle();
    expect(journal.record(SID)?.state).toBe("live");
    status = async () => "busy";
    clock.advance(5_000);
    await settle();
    expect(journal.record(SID)).toMatchObject({ outcome: "failed", endReason: "busy" });
    expect(clock.pending).toBe(0);
  });

  it("ends a call once, whose end is told while it is asked for", async () => {
    const outbound = start();
    await outbound.place(ORDER);
    let answer: (status: TwilioCallStatus) => void = () => undefined;
    status = () => new Promise((resolve) => (answer = resolve));
    clock.advance(120_000);
    outbound.status(SID, { CallStatus: "busy" }, linkOf(asked[0]!.statusCallback));
    await settle();
    const { endedAt } = journal.record(SID)!;
    clock.advance(1_000);
    answer("no-answer");
    await settle();
    expect(journal.record(SID)).toMatchObject({ endReason: "busy", endedAt });
    expect(clock.pending).toBe(0);
  });

  it("is asked for on while somebody talks, and not for ever", async () => {
    const outbound = start();
    await outbound.place(ORDER);
    let questions = 0;
    status = async () => {
      questions++;
      return "in-progress";
    };
    clock.advance(120_000);
    await settle();
    clock.advance(599_999);
    expect(questions).toBe(1);
    clock.advance(1);
    await settle();
    expect(questions).toBe(2);
    for (let hours = 0; hours < 29; hours++) {
      for (let n = 0; n < 6; n++) {
        clock.advance(600_000);
        await settle();
      }
    }
    expect(clock.pending).toBe(0);
    expect(journal.record(SID)).toMatchObject({ endReason: "status_unknown" });
  });

  it("tells no second end of a call that an agent of another process has", async () => {
    const outbound = start();
    await outbound.place(ORDER);
    status = async () => Promise.reject(gone);
    await start().answered(SID, linkOf(asked[0]!.url));
    for (let n = 0; n < 40; n++) {
      clock.advance(300_000);
      await settle();
    }
    expect(clock.pending).toBe(0);
    expect(journal.record(SID)?.state).toBe("live");
  });

  it("goes on asking while the call waits for its turn at Twilio, and stops with the process", async () => {
    const outbound = start();
    await outbound.place(ORDER);
    status = async () => "queued";
    for (let i = 0; i < 3; i++) {
      clock.advance(120_000);
      await settle();
    }
    expect(journal.record(SID)?.state).toBe("live");
    expect(clock.pending).toBe(1);
    outbound.stop();
    expect(clock.pending).toBe(0);
  });
});
