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

  it("asks Twilio for answering-machine detection and a callback, and keeps the agent's context", async () => {
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
