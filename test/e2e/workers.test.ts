/** The relay as two worker processes under a supervisor, between the simulators. */
import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { Script } from "../../sim/model/script.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { type RelayNode, startNode } from "../fakes/relay-node.js";
import { replayed } from "../fakes/replayed.js";

const PUBLIC_URL = "https://relay.test";
const HELLO = { text: "Hello.", audio: speechLike(400, 1) };
const LONG = { text: "One two three four five six seven eight.", audio: speechLike(6_000, 2) };
const BYE = { text: "Good bye.", audio: speechLike(300, 3) };

const script: Script = { turns: [{ say: HELLO }, { say: LONG }] };
let saysGoodbye = false;

let model: SimulatedModel;
let twilio: SimulatedTwilio;
let node: RelayNode;
const calls: Leg[] = [];

beforeAll(async () => {
  model = await startModel({
    script: () =>
      saysGoodbye
        ? { turns: [{ say: BYE, calls: [{ name: "end_call", arguments: { reason: "done" } }] }] }
        : script,
  });
  twilio = await startTwilio({
    publicUrl: PUBLIC_URL,
    speed: 20,
    numbers: ["+12025550100"],
  });
  node = await startNode(
    { model, twilio, publicUrl: PUBLIC_URL },
    { WORKERS: "2", DRAIN_SECONDS: "60" },
    ["--record"],
  );
  shared();
}, 90_000);

afterEach(async () => {
  saysGoodbye = false;
  shared();
  for (const call of calls.splice(0)) call.hangUp();
  await twilio.settled();
});

afterAll(async () => {
  await twilio?.close();
  await node?.remove();
  await model?.close();
});

const at = (port: number): string => `http://127.0.0.1:${port}`;
const worker = (n: number): string => at(node.publicPort + 1 + n);

/** Requests and sockets come in by the port that both share. */
function shared(): void {
  twilio.route(PUBLIC_URL, at(node.publicPort));
}

/** Requests and sockets come to the workers by turns: none of them sees two in a row of any call. */
function byTurns(first = 0): void {
  let n = first;
  twilio.route(PUBLIC_URL, () => worker(n++ % 2));
}

async function place(): Promise<Leg> {
  const call = twilio.placeCall();
  calls.push(call);
  await call.events.until("first_media");
  return call;
}

async function metric(line: RegExp): Promise<number> {
  const text = await node.get("/metrics");
  return [...text.matchAll(new RegExp(line.source, "gm"))].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
}

const active = (n: string): Promise<number> =>
  metric(new RegExp(`^murelay_calls_active\\{worker="${n}"\\} (\\d+)`));

/** Bytes of each worker's young generation. */
function newSpaces(metrics: string): number[] {
  const line =
    /^nodejs_heap_space_size_total_bytes\{(?=[^}]*space="new")(?=[^}]*worker="\d")[^}]*\} (\d+)/gm;
  return [...metrics.matchAll(line)].map((match) => Number(match[1]));
}

async function holder(call: Leg): Promise<number> {
  const record = JSON.parse(await node.get(`/api/calls/${call.sid}`)) as { state?: string };
  expect(record.state).toBe("live");
  await expect
    .poll(async () => (await active("0")) + (await active("1")), { timeout: 5_000 })
    .toBe(1);
  return (await active("0")) === 1 ? 0 : 1;
}

describe("two workers", () => {
  it("have a young generation that has not grown while their modules loaded", async () => {
    let sizes: number[] = [];
    // A worker that is busy is missing in a scrape.
    await expect
      .poll(
        async () => {
          sizes = newSpaces(await node.get("/metrics"));
          return sizes.length;
        },
        { timeout: 10_000 },
      )
      .toBe(2);
    // Two halves of 1 MiB, and what V8 adds to them.
    for (const bytes of sizes) expect(bytes).toBeLessThan(6 * 2 ** 20);
  });

  it.skipIf(process.platform !== "linux")("carry sound in threads that come first", () => {
    const priorities = (pid: number): number[] =>
      readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
        try {
          return [getPriority(Number(thread))];
        } catch {
          // It has just ended.
          return [];
        }
      });
    const own = getPriority();
    for (const pid of [node.pid, ...node.workers()]) expect(getPriority(pid)).toBe(own);
    // Helpers of V8, that is. Threads that are started later are as before.
    for (const pid of node.workers()) expect(priorities(pid)).toContain(Math.min(own + 5, 19));
    expect(priorities(node.pid)).toContain(Math.min(own + 10, 19));
  });

  it("share the port, and are scraped as one", async () => {
    await Promise.all(Array.from({ length: 6 }, place));
    await expect
      .poll(async () => (await active("0")) + (await active("1")), { timeout: 5_000 })
      .toBe(6);
    expect(await metric(/^murelay_worker_up\{worker="\d"\} (\d)/)).toBe(2);
    expect(await node.get("/ready")).toBe('{"ready":true,"reason":"ok"}');
    for (const call of calls) call.hangUp();
    await Promise.all(calls.map((call) => call.ended));
    await expect
      .poll(
        () =>
          metric(/^murelay_calls_total\{agent="[a-z_]+",outcome="completed",worker="\d"\} (\d+)/),
        {
          timeout: 5_000,
        },
      )
      .toBe(6);
    expect(twilio.violations()).toEqual([]);
  });

  it("carry a call whose webhook, stream and end reach another worker each time", async () => {
    saysGoodbye = true;
    byTurns();
    const call = twilio.placeCall();
    calls.push(call);
    await call.ended;
    await twilio.settled();
    // The agent ended it: the worker that was asked what follows knew that only from the other one.
    expect(call.events.find("dial")).toBeUndefined();
    expect(twilio.violations()).toEqual([]);
    await expect
      .poll(async () => JSON.parse(await node.get(`/api/calls/${call.sid}`)) as object, {
        timeout: 10_000,
      })
      .toMatchObject({ state: "ended", outcome: "completed", endReason: "done" });
    await expect
      .poll(async () => (await active("0")) + (await active("1")), { timeout: 5_000 })
      .toBe(0);

    // Each worker recorded its part of the call.
    const flight = (): string[] =>
      readFileSync(join(node.recordings, `${call.sid}.flight.jsonl`), "utf8")
        .trimEnd()
        .split("\n");
    await expect.poll(() => flight().at(-1), { timeout: 5_000 }).toContain('"ended"');
    expect(flight().filter((line) => line.includes('"is":"call"'))).toHaveLength(2);
    expect(await replayed(flight())).toMatchObject({ differences: [], unused: [] });
  });

  it("carry forty calls whose every request reaches a worker by chance", async () => {
    saysGoodbye = true;
    // Not the machine's chance: a failure can be had again.
    let seed = 20261121;
    twilio.route(PUBLIC_URL, () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return worker((seed >> 16) % 2);
    });
    const many = Array.from({ length: 40 }, () => twilio.placeCall());
    calls.push(...many);
    await Promise.all(many.map((call) => call.ended));
    await twilio.settled();
    expect(many.filter((call) => call.events.find("dial") !== undefined)).toEqual([]);
    expect(twilio.violations()).toEqual([]);
    await expect
      .poll(
        async () => {
          const list = JSON.parse(await node.get("/api/calls?limit=100")) as {
            calls: {
              callSid: string;
              state: string;
              outcome: string | null;
              endReason: string | null;
            }[];
          };
          const ours = list.calls.filter(({ callSid }) =>
            many.some((call) => call.sid === callSid),
          );
          return ours.map(({ outcome, endReason }) => `${outcome} ${endReason}`);
        },
        { timeout: 20_000 },
      )
      .toEqual(many.map(() => "completed done"));
    await expect
      .poll(async () => (await active("0")) + (await active("1")), { timeout: 5_000 })
      .toBe(0);
  });

  it("take a stream's token once between them", async () => {
    byTurns();
    const call = await place();
    const stream = call.streams[0]!;
    const { url, parameters } = stream.fields;
    const [used] = [await holder(call)];
    const { WebSocket } = await import("ws");
    const thief = new WebSocket(`${worker(1 - used).replace("http", "ws")}/media-stream`, {
      headers: twilio.upgradeHeaders(url),
    });
    const closed = new Promise<number>((resolve) => thief.once("close", resolve));
    await new Promise((resolve) => thief.once("open", resolve));
    thief.send(JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" }));
    thief.send(
      JSON.stringify({
        event: "start",
        sequenceNumber: "1",
        streamSid: `MZ${"9".repeat(32)}`,
        start: {
          streamSid: `MZ${"9".repeat(32)}`,
          accountSid: twilio.accountSid,
          callSid: call.sid,
          tracks: ["inbound"],
          mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
          customParameters: parameters,
        },
      }),
    );
    expect(await closed).toBe(1008);
    await expect
      .poll(
        () =>
          metric(
            /^murelay_auth_failures_total\{surface="token",reason="replayed",worker="\d"\} (\d+)/,
          ),
        {
          timeout: 5_000,
        },
      )
      .toBe(1);
    expect(stream.playout).toBeDefined();
    expect(call.streams).toHaveLength(1);
  });

  it("obey a supervisor's hand, whichever worker has the call", async () => {
    for (const first of [0, 1]) {
      byTurns(first);
      const call = await place();
      const sent = await node.post(`/api/calls/${call.sid}/transfer`, { destination: "desk" });
      expect([sent.status, sent.text]).toEqual([202, expect.stringContaining("desk")]);
      await call.events.until("dial_bridged", {}, 10_000);
      await call.ended;
      await twilio.settled();
    }
    expect((await node.post(`/api/calls/CA${"0".repeat(32)}/end`)).status).toBe(404);
    expect(twilio.violations()).toEqual([]);
  });

  it("place a call: whichever worker is asked, rung, answered and streamed to, the agent knows what it is about", async () => {
    for (const first of [0, 1]) {
      byTurns(first);
      const sent = await node.post("/api/calls", {
        to: "+12025550177",
        from: "+12025550100",
        agent: "support",
        context: { order: "4217" },
      });
      expect(sent.status).toBe(202);
      const { callSid } = JSON.parse(sent.text) as { callSid: string };
      const leg = twilio.legs.find(({ sid }) => sid === callSid)!;
      calls.push(leg);
      await leg.events.until("first_media", {}, 10_000);
      expect(JSON.stringify(model.sessions.at(-1)!.events)).toContain('\\"order\\":\\"4217\\"');
      leg.hangUp();
      await leg.ended;
      await twilio.settled();
      await expect
        .poll(async () => JSON.parse(await node.get(`/api/calls/${callSid}`)) as object, {
          timeout: 15_000,
        })
        .toMatchObject({
          state: "ended",
          direction: "outbound",
          agent: "support",
          outcome: "completed",
          endReason: "caller_hung_up",
        });
      await expect
        .poll(async () => (await active("0")) + (await active("1")), { timeout: 5_000 })
        .toBe(0);
    }
    expect(twilio.violations()).toEqual([]);
  });

  it("lose one that is killed: its callers reach the desk, the other's notice nothing, a new one comes", async () => {
    twilio.route(PUBLIC_URL, worker(0));
    const lost = await place();
    twilio.route(PUBLIC_URL, worker(1));
    const kept = await place();
    const before = node.workers();
    shared();
    process.kill(before[0]!, "SIGKILL");
    await lost.events.until("dial_bridged", {}, 10_000);
    await expect.poll(() => node.workers()[0], { timeout: 30_000 }).not.toBe(before[0]);
    expect(node.workers()[1]).toBe(before[1]);
    expect(kept.streams[0]!.open).toBe(true);
    await expect
      .poll(() => metric(/^murelay_worker_up\{worker="\d"\} (\d)/), { timeout: 10_000 })
      .toBe(2);
    await expect
      .poll(async () => JSON.parse(await node.get(`/api/calls/${lost.sid}`)) as object, {
        timeout: 40_000,
      })
      .toMatchObject({
        state: "ended",
        outcome: "failed",
        // Who ends the record first: the process that takes the journal over, or the one that
        // saw the end of the transfer to the desk.
        endReason: expect.stringMatching(/^(process_lost|agent_failed)$/),
      });
    const again = await place();
    expect(again.streams[0]!.open).toBe(true);
  }, 90_000);

  it("lose one that is stalled: it is ended, and its callers reach the desk", async () => {
    twilio.route(PUBLIC_URL, worker(0));
    const lost = await place();
    const [stalled] = node.workers();
    twilio.route(PUBLIC_URL, worker(1));
    process.kill(stalled!, "SIGSTOP");
    // A scrape does not wait for it.
    expect(await metric(/^murelay_worker_up\{worker="1"\} (\d)/)).toBe(1);
    await lost.events.until("dial_bridged", {}, 20_000);
    await expect.poll(() => node.workers()[0], { timeout: 30_000 }).not.toBe(stalled);
  });

  it("outlive a supervisor that is killed: their calls go on, and another takes the ports over", async () => {
    await expect.poll(async () => node.get("/ready"), { timeout: 10_000 }).toContain("true");
    const call = await place();
    const old = node;
    const pids = old.workers();
    process.kill(old.pid, "SIGKILL");
    await old.exited;
    node = await startNode(
      { model, twilio, publicUrl: PUBLIC_URL },
      { WORKERS: "2", PORT: String(old.publicPort), ADMIN_PORT: String(old.adminPort) },
    );
    expect(call.streams[0]!.open).toBe(true);
    // Who still has a connection to an old worker is sent on once, and then finds a new one.
    let served = false;
    for (let i = 0; i < 30 && !served; i++) {
      const late = twilio.placeCall();
      calls.push(late);
      await Promise.race([late.events.until("first_media"), late.events.until("dial_bridged")]);
      served = late.streams.length > 0;
      late.hangUp();
    }
    expect(served).toBe(true);
    call.hangUp();
    // Without calls they go.
    await expect.poll(() => pids.filter(isAlive), { timeout: 15_000 }).toEqual([]);
    await old.remove();
  }, 60_000);

  it("drain: not ready at once, the call goes on, new callers overflow, and all end with status 0", async () => {
    await expect.poll(async () => node.get("/ready"), { timeout: 10_000 }).toContain("true");
    const call = await place();
    process.kill(node.pid, "SIGTERM");
    await expect.poll(async () => node.get("/ready"), { timeout: 5_000 }).toContain("draining");
    const late = twilio.placeCall();
    calls.push(late);
    await late.events.until("dial_bridged", {}, 10_000);
    expect(late.streams).toHaveLength(0);
    expect(call.streams[0]!.open).toBe(true);
    call.hangUp();
    expect(await node.exited).toBe(0);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
