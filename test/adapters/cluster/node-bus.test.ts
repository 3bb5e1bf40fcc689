/** Processes that share a real PostgreSQL server on loopback. */

import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { channelOf, NodeBus } from "../../../src/adapters/cluster/node-bus.js";
import { openStore } from "../../../src/adapters/store/open-store.js";
import { systemClock } from "../../../src/adapters/system/system-clock.js";
import type { CallSid } from "../../../src/domain/ids.js";
import { supervisorEnd } from "../../../src/relay/call/call-command.js";
import type { ClusterPeer, PeerReply, PeerRequest } from "../../../src/relay/calls/cluster.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { findPostgres, type PrivatePostgres, startPostgres } from "../../fakes/postgres.js";

const found = findPostgres();
const missing = "missing" in found ? found.missing : null;
if (missing !== null) console.log(`NodeBus is not tested: ${missing}`);

const call = (n: number) => `CA${n.toString(16).padStart(32, "0")}` as CallSid;
const END: PeerRequest = { kind: "command", command: supervisorEnd("ada") };

class FakePeer implements ClusterPeer {
  readonly asked: [CallSid, PeerRequest][] = [];
  readonly movedAway: CallSid[] = [];
  answers: PeerReply | null = { kind: "refusal", refusal: null };

  async answer(callSid: CallSid, request: PeerRequest): Promise<PeerReply | null> {
    this.asked.push([callSid, request]);
    return this.answers;
  }
  moved(callSid: CallSid): void {
    this.movedAway.push(callSid);
  }
}

describe.skipIf(missing !== null)("NodeBus", () => {
  let server: PrivatePostgres;
  let buses: NodeBus[] = [];
  const peers = new Map<NodeBus, FakePeer>();
  let log: FakeLog;

  beforeAll(async () => {
    if ("missing" in found) return;
    server = await startPostgres(found.bin);
    // Creates the tables.
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
    const peer = new FakePeer();
    peers.set(bus, peer);
    bus.join(peer);
    buses.push(bus);
    bus.start();
    await expect
      .poll(async () => (await bus.nodes().catch(() => [])).map((one) => one.node), {
        timeout: 10_000,
      })
      .toContain(node);
    return bus;
  };
  /** Retries until the owner of the call is stored and the asking process listens. */
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

  it("knows the other processes, with their load", async () => {
    expect(await one.nodes()).toMatchObject([
      { node: "one", worker: 0, calls: 3, maxCalls: 10, draining: false },
      { node: "two" },
    ]);
    await two.stop();
    expect(await one.nodes()).toHaveLength(1);
  });

  it("shows processes that died only where it is asked for them, and sends them nothing", async () => {
    const client = new pg.Client(server.url);
    await client.connect();
    try {
      const { rows } = await client.query("select max(seen_ms) as now from nodes");
      const diedMs = Number(rows[0].now) - 60_000;
      await client.query(
        `insert into nodes (process, node, worker, calls, max_calls, draining, seen_ms)
          values ('dead', 'three', 0, 3, 10, 0, $1)`,
        [diedMs],
      );
      await client.query(
        "insert into call_holders (call_sid, process, until_ms) values ($1, 'dead', null)",
        [call(9)],
      );
      expect((await one.nodes()).map(({ node }) => node)).toEqual(["one", "two"]);
      const all = await one.nodes(true);
      expect(all.map(({ node }) => node)).toEqual(["one", "three", "two"]);
      expect(all[1]!.silentMs).toBeGreaterThanOrEqual(60_000);
      expect(await one.ask(call(9), END)).toBeNull();
    } finally {
      await client.query("delete from call_holders where process = 'dead'");
      await client.query("delete from nodes where process = 'dead'");
      await client.end();
    }
  });

  it("brings a request to the owner of a call and its reply back, also long ones", async () => {
    const callSid = call(1);
    one.claim(callSid);
    await askUntil(two, callSid, { kind: "refusal", refusal: null });
    const long: PeerReply = { kind: "twiml", twiml: [{ verb: "say", text: "ä".repeat(20_000) }] };
    peers.get(one)!.answers = long;
    const form = { CallSid: callSid, Note: "ü".repeat(10_000) };
    expect(await two.ask(callSid, { kind: "connect_ended", form })).toEqual(long);
    expect(peers.get(one)!.asked.at(-1)).toEqual([callSid, { kind: "connect_ended", form }]);
    expect(peers.get(two)!.asked).toEqual([]);
  });

  it("has no reply for an unknown call, its own, or one of a process that is gone", async () => {
    expect(await two.ask(call(2), END)).toBeNull();
    two.claim(call(3));
    await askUntil(one, call(3), { kind: "refusal", refusal: null });
    expect(await two.ask(call(3), END)).toBeNull();
    await two.stop();
    expect(await one.ask(call(3), END)).toBeNull();
  });

  it("tells the former owner of a call that it has moved", async () => {
    one.claim(call(4));
    await askUntil(two, call(4), { kind: "refusal", refusal: null });
    two.claim(call(4));
    await expect.poll(() => peers.get(one)!.movedAway, { timeout: 5_000 }).toEqual([call(4)]);
    await askUntil(one, call(4), { kind: "refusal", refusal: null });
    expect(peers.get(two)!.movedAway).toEqual([]);
    // A release by the former owner has no effect.
    one.release(call(4));
    await askUntil(one, call(4), { kind: "refusal", refusal: null });
  });

  it("still reaches the owner of a call that has ended", async () => {
    one.claim(call(5));
    one.release(call(5));
    one.claim(call(6));
    await askUntil(two, call(6), { kind: "refusal", refusal: null });
    one.release(call(6));
    await askUntil(two, call(6), { kind: "refusal", refusal: null });
  });

  it("goes on when a node of a newer release says what this one does not know", async () => {
    const callSid = call(7);
    one.claim(callSid);
    await askUntil(two, callSid, { kind: "refusal", refusal: null });
    const client = new pg.Client(server.url);
    await client.connect();
    const { rows } = await client.query("select process from nodes");
    const unknown = [
      { type: "of_tomorrow", callSid },
      { type: "moved", callSid, reason: "a field of tomorrow" },
      { type: "answer", id: 999, answer: { kind: "of_tomorrow" } },
    ];
    for (const { process } of rows as { process: string }[])
      for (const message of unknown)
        await client.query("select pg_notify($1, $2)", [
          channelOf(process),
          JSON.stringify(message),
        ]);
    await client.end();
    await expect.poll(() => peers.get(one)?.movedAway, { timeout: 5_000 }).toEqual([callSid]);
    expect(await two.ask(callSid, END)).toEqual({ kind: "refusal", refusal: null });
    expect(log.lines.filter((line) => line.startsWith("warn"))).toEqual([]);
  });

  it("gives a key to exactly one process", async () => {
    const third = await open("three");
    for (let i = 0; i < 20; i++) {
      const claims = [one, two, third].map((bus) => bus.claimOnce(`key${i}`, 60_000));
      expect((await Promise.all(claims)).filter((first) => first === true)).toHaveLength(1);
    }
  });

  it("stores many claims at once", async () => {
    for (let n = 1_000; n < 3_000; n++) one.claim(call(n));
    await askUntil(two, call(2_999), { kind: "refusal", refusal: null });
    expect(await two.ask(call(1_000), END)).toEqual({ kind: "refusal", refusal: null });
  });

  it("works alone while the database is away, and reaches other nodes afterwards", async () => {
    one.claim(call(7));
    await askUntil(two, call(7), { kind: "refusal", refusal: null });
    await server.stop();
    expect(await two.ask(call(7), END)).toBeNull();
    expect(await one.claimOnce("away", 60_000)).toBeNull();
    one.claim(call(8));
    await server.start();
    await askUntil(two, call(8), { kind: "refusal", refusal: null });
    await askUntil(two, call(7), { kind: "refusal", refusal: null });
    expect(
      log.lines.filter((line) => line.startsWith("warn cluster: database is away")).length,
    ).toBeGreaterThan(0);
  });
});
