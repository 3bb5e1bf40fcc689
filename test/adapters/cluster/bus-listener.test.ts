import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BusListener } from "../../../src/adapters/cluster/bus-listener.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { findPostgres, type PrivatePostgres, startPostgres } from "../../fakes/postgres.js";

const found = findPostgres();
const open: BusListener[] = [];
afterEach(async () => {
  for (const listener of open.splice(0)) await listener.stop();
});

/** A listener, and what it reports. */
function listen(settings: pg.ClientConfig) {
  const clock = new FakeClock();
  const events: string[] = [];
  const listener = new BusListener({
    settings,
    channel: "test_bus",
    clock,
    onMessage: (payload) => void events.push(`message ${payload}`),
    onConnected: () => void events.push("connected"),
    onLost: () => void events.push("lost"),
  });
  open.push(listener);
  listener.start();
  return { clock, events, listener };
}

describe("BusListener without a server", () => {
  // Nothing listens on port 1.
  const NO_SERVER = { host: "127.0.0.1", port: 1 };

  it("dials again after 250 ms, and then after twice as long each time, up to 5 s", async () => {
    const { clock, events, listener } = listen(NO_SERVER);
    for (const [n, pauseMs] of [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000].entries()) {
      await expect.poll(() => [events.length, clock.pending]).toEqual([n + 1, 1]);
      clock.advance(pauseMs - 1);
      expect(clock.pending).toBe(1);
      clock.advance(1);
      expect(clock.pending).toBe(0);
    }
    expect(listener.connected).toBe(false);
  });

  it("dials no more once it is stopped", async () => {
    const { clock, events, listener } = listen(NO_SERVER);
    await expect.poll(() => clock.pending).toBe(1);
    await listener.stop();
    expect([events, clock.pending]).toEqual([["lost"], 0]);
  });
});

describe.skipIf("missing" in found)("BusListener on PostgreSQL", () => {
  let server: PrivatePostgres;
  beforeAll(async () => {
    if ("bin" in found) server = await startPostgres(found.bin);
  }, 60_000);
  afterAll(async () => await server.remove());
  const notify = async (payload: string) => {
    const client = new pg.Client(server.url);
    await client.connect();
    await client.query("select pg_notify('test_bus', $1), pg_notify('other_bus', $1)", [payload]);
    await client.end();
  };

  it("hears its channel only, also after its connection was lost", async () => {
    const { clock, events, listener } = listen({ connectionString: server.url });
    await expect.poll(() => events).toEqual(["connected"]);
    expect(listener.connected).toBe(true);
    await notify("one");
    await expect.poll(() => events).toEqual(["connected", "message one"]);
    await server.stop();
    await expect.poll(() => listener.connected).toBe(false);
    await server.start();
    await expect.poll(() => clock.pending).toBe(1);
    events.length = 0;
    clock.advance(250);
    await expect.poll(() => events).toEqual(["connected"]);
    await notify("two");
    await expect.poll(() => events).toEqual(["connected", "message two"]);
  });
});
