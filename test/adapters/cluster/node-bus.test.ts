/** Processes that share a PostgreSQL: the real one, on loopback. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NodeBus } from "../../../src/adapters/cluster/node-bus.js";
import { openStore } from "../../../src/adapters/store/open-store.js";
import { systemClock } from "../../../src/adapters/system/system-clock.js";
import type { CallSid } from "../../../src/domain/ids.js";
import type { ClusterPeer, PeerReply, PeerRequest } from "../../../src/relay/calls/cluster.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { findPostgres, type PrivatePostgres, startPostgres } from "../../fakes/postgres.js";

const found = findPostgres();
const missing = "missing" in found ? found.missing : null;
if (missing !== null) console.log(`nodes are not tested: ${missing}`);

const call = (n: number) => `CA${n.toString(16).padStart(32, "0")}` as CallSid;
const END: PeerRequest = { kind: "end" };

class Member implements ClusterPeer {
  readonly asked: [CallSid, PeerRequest][] = [];
  readonly movedAway: CallSid[] = [];
  answers: PeerReply | null = { kind: "refusal", refusal: null };

  async answer(callSid: CallSid, question: PeerRequest): Promise<PeerReply | null> {
    this.asked.push([callSid, question]);
    return this.answers;
  }
  moved(callSid: CallSid): void {
    this.movedAway.push(callSid);
  }
}

describe.skipIf(missing !== null)("nodes", () => {
  let server: PrivatePostgres;
  let buses: NodeBus[] = [];
  const members = new Map<NodeBus, Member>();
  let log: FakeLog;

  beforeAll(async () => {
    if ("missing" in found) return;
    server = await startPostgres(found.bin);
    // Makes the tables.
    const store = await openStore(server.url, () => undefined);
    await store.close();
  }, 60_000);
  afterAll(async () => await server.remove());

  const open = async (node: string): Promise<NodeBus> => {
    const bus = new NodeBus({
      databaseUrl: server.url,
      node,
      worker: 0,
      clock: systemClock,
      log,
      load: () => ({ calls: 3, maxCalls: 10, draining: false }),
    });
    const member = new Member();
    members.set(bus, member);
    bus.join(member);
    buses.push(bus);
    bus.start();
    await expect
      .poll(async () => (await bus.nodes().catch(() => [])).map((one) => one.node), {
        timeout: 10_000,
      })
      .toContain(node);
    return bus;
  };
  /** Until it is written who holds the call, and the asker listens. */
  const askUntil = async (
    bus: NodeBus,
    callSid: CallSid,
    expected: PeerReply | null,
  ): Promise<void> => {
    await expect.poll(() => bus.ask(callSid, END), { timeout: 10_000 }).toEqual(expected);
  };

  let one: NodeBus;
  let two: NodeBus;
  beforeEach(async () => {
    log = new FakeLog();
    one = await open("one");
    two = await open("two");
  });
  afterEach(async () => {
    for (const bus of buses) await bus.stop();
    buses = [];
  });

  it("know of each other, with their load", async () => {
    expect(await one.nodes()).toMatchObject([
      { node: "one", worker: 0, calls: 3, maxCalls: 10, draining: false },
      { node: "two" },
    ]);
    await two.stop();
    expect(await one.nodes()).toHaveLength(1);
  });

  it("bring a question to the call's process and its answer back, also long ones", async () => {
    const callSid = call(1);
    one.claim(callSid);
    await askUntil(two, callSid, { kind: "refusal", refusal: null });
    const long: PeerReply = { kind: "twiml", twiml: [{ verb: "say", text: "ä".repeat(20_000) }] };
    members.get(one)!.answers = long;
    const form = { CallSid: callSid, Note: "ü".repeat(10_000) };
    expect(await two.ask(callSid, { kind: "connect_ended", form })).toEqual(long);
    expect(members.get(one)!.asked.at(-1)).toEqual([callSid, { kind: "connect_ended", form }]);
    expect(members.get(two)!.asked).toEqual([]);
  });

  it("answer for nobody: an unknown call, one's own, one of a process that has gone", async () => {
    expect(await two.ask(call(2), END)).toBeNull();
    two.claim(call(3));
    await askUntil(one, call(3), { kind: "refusal", refusal: null });
    expect(await two.ask(call(3), END)).toBeNull();
    await two.stop();
    expect(await one.ask(call(3), END)).toBeNull();
  });

  it("tell who held a call that another one has it now", async () => {
    one.claim(call(4));
    await askUntil(two, call(4), { kind: "refusal", refusal: null });
    two.claim(call(4));
    await expect.poll(() => members.get(one)!.movedAway, { timeout: 5_000 }).toEqual([call(4)]);
    await askUntil(one, call(4), { kind: "refusal", refusal: null });
    expect(members.get(two)!.movedAway).toEqual([]);
    // What the former one says of its end is not heeded.
    one.release(call(4));
    await askUntil(one, call(4), { kind: "refusal", refusal: null });
  });

  it("still answer for a call that has ended", async () => {
    one.claim(call(5));
    one.release(call(5));
    one.claim(call(6));
    await askUntil(two, call(6), { kind: "refusal", refusal: null });
    one.release(call(6));
    await askUntil(two, call(6), { kind: "refusal", refusal: null });
  });

  it("let a key be claimed by exactly one of many", async () => {
    const third = await open("three");
    for (let i = 0; i < 20; i++) {
      const claims = [one, two, third].map((bus) => bus.claimOnce(`key${i}`, 60_000));
      expect((await Promise.all(claims)).filter((first) => first === true)).toHaveLength(1);
    }
  });

  it("write many calls at once", async () => {
    for (let n = 1_000; n < 3_000; n++) one.claim(call(n));
    await askUntil(two, call(2_999), { kind: "refusal", refusal: null });
    expect(await two.ask(call(1_000), END)).toEqual({ kind: "refusal", refusal: null });
  });

  it("answer as if alone while the database is away, and find each other again", async () => {
    one.claim(call(7));
    await askUntil(two, call(7), { kind: "refusal", refusal: null });
    await server.stop();
    expect(await two.ask(call(7), END)).toBeNull();
    expect(await one.claimOnce("away", 60_000)).toBeNull();
    one.claim(call(8));
    await server.start();
    await askUntil(two, call(8), { kind: "refusal", refusal: null });
    await askUntil(two, call(7), { kind: "refusal", refusal: null });
    expect(log.lines.filter((line) => line.startsWith("warn other nodes")).length).toBeGreaterThan(
      0,
    );
  });
});
