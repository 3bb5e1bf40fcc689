import { describe, expect, it } from "vitest";
import { supervisorTransfer } from "../../../src/relay/call/call-command.js";
import { CallRegistry, type SipCall } from "../../../src/relay/calls/registry.js";
import { agent, CallBench, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";

const warm = (bench: CallBench) => bench.fake.count("warmSessions");

describe("the sessions that wait for their stream", () => {
  it("are counted from the webhook to the stream", async () => {
    const bench = new CallBench();
    const parameters = await bench.ring(1);
    expect(warm(bench)).toBe(1);
    await bench.ring(2);
    bench.dialer.last.becomesReady();
    expect(warm(bench)).toBe(2);
    const stream = bench.stream();
    stream.start(sid(1), parameters);
    expect(warm(bench)).toBe(1);
  });

  it("are counted no more once they are given back unclaimed", async () => {
    const bench = new CallBench();
    await bench.ring(1);
    bench.run(10_100, 100);
    expect(warm(bench)).toBe(0);
  });
});

describe("the calls of a process", () => {
  it("leave room for another once the caller is with a human", async () => {
    const bench = new CallBench(agent(), { maxCalls: 1 });
    await bench.talk();
    expect([bench.registry.refusal("m"), bench.registry.readiness().ready]).toEqual([
      "full",
      false,
    ]);
    await bench.service.execute(sid(1), supervisorTransfer("desk", null, "ada"));
    expect([bench.registry.refusal("m"), bench.registry.readiness().ready]).toEqual([null, true]);
    expect(bench.registry.all()).toHaveLength(1);
  });

  it("are remembered for their callbacks for ten minutes after their end", async () => {
    const bench = new CallBench();
    const { stream } = await bench.talk();
    stream.stop(sid(1));
    expect([bench.registry.find(sid(1)), bench.registry.knows(sid(1))]).toEqual([undefined, true]);
    expect(bench.registry.ended(sid(1))?.next).toBe("hang_up");
    bench.clock.advance(10 * 60_000);
    expect(bench.registry.knows(sid(1))).toBe(false);
  });

  it("are waited for while the process drains", async () => {
    const bench = new CallBench();
    const { stream } = await bench.talk();
    bench.registry.beginDrain();
    let drained = false;
    const done = bench.registry.drained().then(() => {
      drained = true;
    });
    expect(bench.registry.refusal("m")).toBe("draining");
    await Promise.resolve();
    expect(drained).toBe(false);
    stream.stop(sid(1));
    await done;
    await bench.registry.drained();
  });

  it("are still taken between the announcement of a drain and its beginning", () => {
    const { registry } = new CallBench();
    registry.announceDrain();
    expect(registry.readiness()).toEqual({ ready: false, reason: "draining" });
    expect([registry.isLeaving, registry.isDraining, registry.refusal("m")]).toEqual([
      true,
      false,
      null,
    ]);
    registry.beginDrain();
    expect([registry.isDraining, registry.refusal("m")]).toEqual([true, "draining"]);
  });

  it("make the process not ready while the database is away, and say so", () => {
    let trouble: "database" | null = "database";
    const registry = new CallRegistry({
      machine: null,
      clock: new FakeClock(),
      metrics: new FakeMetrics().metrics,
      admission: null,
      maxCalls: 1,
      trouble: () => trouble,
    });
    expect(registry.readiness()).toEqual({ ready: false, reason: "database" });
    trouble = null;
    expect(registry.readiness()).toEqual({ ready: true, reason: "ok" });
  });

  it("are judged once more when the other processes have answered", async () => {
    const absent: string[] = [];
    let answer: (refusal: null) => void = () => {};
    const registry = new CallRegistry({
      machine: {
        admit: () => new Promise((resolve) => (answer = resolve)),
        present: () => {},
        absent: (callSid) => void absent.push(callSid),
      },
      clock: new FakeClock(),
      metrics: new FakeMetrics().metrics,
      admission: null,
      maxCalls: 1,
      trouble: () => null,
    });
    const { limits, ...rest } = agent();
    const limited = { ...rest, limits: { ...limits, maxCallsPerCaller: 3 } };
    const of = (n: number) =>
      ({
        callSid: sid(n),
        from: `+1555000111${n}`,
        to: "+15550002222",
        direction: "inbound",
        callToken: null,
      }) as const;
    const late = registry.callerRefusal(limited, of(1));
    const other = { parties: of(2), isWarm: false, isOver: false, isLoad: true };
    registry.addSip(other as unknown as SipCall);
    answer(null);
    expect([await late, absent]).toEqual(["full", [sid(1)]]);
    // The webhook of a call that has come in meanwhile: its place is not given back.
    registry.remove(other as unknown as SipCall, "moved");
    absent.length = 0;
    const again = registry.callerRefusal(limited, of(2));
    registry.addSip(other as unknown as SipCall);
    answer(null);
    expect([await again, absent]).toEqual([null, []]);
  });

  it("ask the other processes of the machine about callers whose number is limited", async () => {
    const told: string[] = [];
    const registry = new CallRegistry({
      machine: {
        admit: async ({ from }) => (from === "+15550001111" ? "caller_limit" : null),
        present: ({ callSid }) => told.push(`present ${callSid}`),
        absent: (callSid) => told.push(`absent ${callSid}`),
      },
      clock: new FakeClock(),
      metrics: new FakeMetrics().metrics,
      admission: null,
      maxCalls: 1,
      trouble: () => null,
    });
    const limited = agent();
    const parties = {
      callSid: sid(1),
      from: "+15550001111",
      to: "+15550002222",
      direction: "inbound",
      callToken: null,
    } as const;
    const refusal = async (maxCallsPerCaller: number | null, from: string) =>
      await registry.callerRefusal(
        { ...limited, limits: { ...limited.limits, maxCallsPerCaller } },
        { ...parties, from },
      );
    expect(await refusal(1, "+15550001111")).toBe("caller_limit");
    expect(await refusal(1, "+15550003333")).toBeNull();
    expect(await refusal(null, "+15550001111")).toBeNull();
    const call = { parties, isWarm: false, isOver: false } as unknown as SipCall;
    registry.addSip(call);
    registry.remove(call, "moved");
    expect(told).toEqual([`present ${sid(1)}`, `absent ${sid(1)}`]);
    // The transcripts of a call that is over may still be on their way.
    told.length = 0;
    registry.addSip(call);
    registry.changed({ ...call, isOver: true } as unknown as SipCall);
    expect(told).toEqual([`present ${sid(1)}`]);
    const closing = call as unknown as { isOver: boolean };
    closing.isOver = true;
    registry.changed(call);
    expect(told).toEqual([`present ${sid(1)}`, `absent ${sid(1)}`]);
  });
});
