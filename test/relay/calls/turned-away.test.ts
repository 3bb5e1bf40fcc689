import { describe, expect, it } from "vitest";
import type { AgentProfile } from "../../../src/domain/agent-profile.js";
import type { RecordEvent } from "../../../src/domain/record-event.js";
import type {
  TransferredCall,
  TransferService,
} from "../../../src/relay/calls/transfer-service.js";
import { Overflow } from "../../../src/relay/calls/turned-away.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { silentLog } from "../../fakes/silent-log.js";

const PARTIES = {
  callSid: sid(1),
  from: "+15550001111",
  to: "+15550002222",
  direction: "inbound",
  callToken: null,
} as const;

function overflow() {
  const clock = new FakeClock();
  const metrics = new FakeMetrics();
  const events: RecordEvent[] = [];
  const begun: TransferredCall[] = [];
  const transfers: Partial<TransferService> = {
    begin: (call, request, how) => {
      expect([request.destination, request.by, how]).toEqual(["desk", "failure", "follows"]);
      begun.push(call);
    },
    whatFollows: async () => [{ verb: "say", text: "the desk" }],
  };
  const one = new Overflow(transfers as TransferService, {
    clock,
    journal: { write: (_, event) => void events.push(event) },
    metrics: metrics.metrics,
    log: silentLog,
    node: "n",
  });
  const turnAway = (profile: AgentProfile) => one.turnAway(PARTIES, profile, "sip", "full");
  return { clock, metrics, events, begun, one, turnAway };
}

describe("a caller who is turned away", () => {
  it("goes to the fallback destination, and has a record that ends when the transfer does", async () => {
    const { metrics, events, begun, turnAway } = overflow();
    expect(await turnAway(agent())).toEqual([{ verb: "say", text: "the desk" }]);
    expect(metrics.count("callsRejected", { reason: "full" })).toBe(1);
    const [call] = begun;
    call?.eventLog.note("fallback", { reason: "full" });
    call?.execute({ type: "transfer_ended", next: "connected" });
    call?.execute({ type: "caller_gone" });
    expect(events.map(({ type }) => type)).toEqual(["opened", "note", "ended"]);
    expect(events.at(-1)).toMatchObject({ outcome: "rejected", reason: "full" });
  });

  it("hears an apology where there is no destination, and the record ends at once", async () => {
    const { events, begun, turnAway } = overflow();
    const transfer = { ...agent().transfer, default: null };
    expect(await turnAway(agent({ transfer }))).toEqual([
      { verb: "say", text: "Sorry.", language: "en" },
      { verb: "hangup" },
    ]);
    expect(begun).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(["opened", "ended"]);
  });

  it("is the same caller when Twilio asks again, for ten minutes", async () => {
    const { clock, events, begun, one, turnAway } = overflow();
    await turnAway(agent());
    clock.advance(10 * 60_000 - 1);
    expect(one.knows(sid(1))).toBe(true);
    expect(await one.again(sid(1))).toEqual([{ verb: "say", text: "the desk" }]);
    expect([begun.length, events.length]).toEqual([1, 1]);
    clock.advance(1);
    expect(one.knows(sid(1))).toBe(false);
  });
});
