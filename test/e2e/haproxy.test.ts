/** Two nodes of three workers in all, one PostgreSQL, and Debian's HAProxy with the shipped configuration in front of them. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { HAPROXY, HAPROXY_CONFIG, missingHaproxy, startHaproxy } from "../fakes/haproxy.js";
import { findPostgres, type PrivatePostgres, startPostgres } from "../fakes/postgres.js";
import { freePorts, type RelayNode, startNode } from "../fakes/relay-node.js";

const PUBLIC_URL = "https://relay.test";
const MEDIA_URL = "wss://relay.test/media-stream/{node}/{worker}";

const found = findPostgres();
const missing = "missing" in found ? found.missing : missingHaproxy();
if (missing !== null) console.log(`HAProxy is not tested: ${missing}`);

describe.skipIf(missing !== null)("HAProxy", () => {
  const folder = mkdtempSync(join(tmpdir(), "murelay-haproxy-"));
  let server: PrivatePostgres;
  let model: SimulatedModel;
  let twilio: SimulatedTwilio;
  let peers: Parameters<typeof startNode>[0];
  let nodeEnvs: Record<string, string>[] = [];
  let nodes: RelayNode[] = [];
  const stopped: RelayNode[] = [];
  let balancer: ChildProcess;
  const calls: Leg[] = [];

  beforeAll(async () => {
    if ("missing" in found) return;
    server = await startPostgres(found.bin);
    model = await startModel({
      script: { turns: [{ say: { text: "Hello.", audio: speechLike(400, 1) } }] },
    });
    twilio = await startTwilio({ publicUrl: PUBLIC_URL, speed: 20 });
    peers = { model, twilio, publicUrl: PUBLIC_URL };
    // HAProxy takes a node for gone after five checks, a second and their own time apart.
    const env = { DATABASE_URL: server.url, MEDIA_URL, DRAIN_DELAY_SECONDS: "8" };
    nodeEnvs = [
      { ...env, NODE_NAME: "node1", WORKERS: "2" },
      { ...env, NODE_NAME: "node2" },
    ];
    nodes = await Promise.all(nodeEnvs.map((nodeEnv) => startNode(peers, nodeEnv)));
    const port = await freePorts(1);
    balancer = await startHaproxy(join(folder, "haproxy.cfg"), port, nodes);
    twilio.route(PUBLIC_URL, `http://127.0.0.1:${port}`);
  }, 120_000);

  afterEach(async () => {
    for (const call of calls.splice(0)) call.hangUp();
    await twilio.settled();
  });

  afterAll(async () => {
    await twilio?.close();
    if (balancer?.exitCode === null) {
      const ended = once(balancer, "exit");
      balancer.kill("SIGTERM");
      await ended;
    }
    for (const node of [...nodes, ...stopped]) await node.remove();
    await model?.close();
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const place = async (): Promise<Leg> => {
    const call = twilio.placeCall();
    calls.push(call);
    await call.events.until("first_media", {}, 20_000);
    return call;
  };
  /** "node1/0": which worker's address its TwiML named. */
  const placeOf = (call: Leg): string => call.streams[0]!.fields.url.split("/media-stream/")[1]!;
  const active = async (node: RelayNode): Promise<Record<string, number>> => {
    const text = await node.get("/metrics");
    const found = text.matchAll(/^murelay_calls_active\{worker="(\d)"\} (\d+)/gm);
    return Object.fromEntries([...found].map(([, worker, count]) => [worker, Number(count)]));
  };

  it("takes the shipped configuration as it is", () => {
    const pem = join(folder, "relay.pem");
    const made = spawnSync("openssl", [
      ...[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
      ],
      ...["-subj", "/CN=relay.test", "-keyout", `${pem}.key`, "-out", pem],
    ]);
    expect(made.status).toBe(0);
    writeFileSync(pem, readFileSync(pem, "utf8") + readFileSync(`${pem}.key`, "utf8"));
    const file = join(folder, "shipped.cfg");
    writeFileSync(
      file,
      readFileSync(HAPROXY_CONFIG, "utf8").replace("/etc/haproxy/relay.pem", pem),
    );
    const { status, stderr } = spawnSync(HAPROXY, ["-c", "-f", file]);
    expect([status, String(stderr)]).toEqual([0, ""]);
  });

  it("spreads calls over the nodes, and brings each stream to the worker that answered its webhook", async () => {
    await Promise.all(Array.from({ length: 12 }, place));
    const placed = new Map<string, number>();
    for (const call of calls) placed.set(placeOf(call), (placed.get(placeOf(call)) ?? 0) + 1);
    expect([...placed.keys()].filter((place) => place.startsWith("node2/")).length).toBe(1);
    expect([...placed.keys()].some((place) => place.startsWith("node1/"))).toBe(true);
    await expect
      .poll(async () => [await active(nodes[0]!), await active(nodes[1]!)], { timeout: 5_000 })
      .toEqual([
        { 0: placed.get("node1/0") ?? 0, 1: placed.get("node1/1") ?? 0 },
        { 0: placed.get("node2/0") ?? 0 },
      ]);
    // Each call found its session waiting: one a call.
    expect(model.sessions.length).toBe(12);
    expect(twilio.violations()).toEqual([]);
  });

  it("knows of both nodes, and a command given to the wrong one works", async () => {
    await expect
      .poll(
        async () =>
          (JSON.parse(await nodes[1]!.get("/api/nodes")) as { nodes: object[] }).nodes.length,
        {
          timeout: 10_000,
        },
      )
      .toBe(3);
    const there: Leg[] = [];
    for (
      let i = 0;
      i < 20 && new Set(there.map((call) => placeOf(call).split("/")[0])).size < 2;
      i++
    )
      there.push(await place());
    for (const call of there) {
      const wrong = placeOf(call).startsWith("node1/") ? nodes[1]! : nodes[0]!;
      const answer = await wrong.post(`/api/calls/${call.sid}/transfer`, { destination: "desk" });
      expect([answer.status, answer.text]).toEqual([202, expect.stringContaining("desk")]);
      await call.events.until("dial_bridged", {}, 10_000);
      await call.ended;
    }
    expect(twilio.violations()).toEqual([]);
  });

  it("is restarted node by node while calls come and go: none is dropped, none is refused", async () => {
    let coming = true;
    const sides: (string | undefined)[] = [];
    const dropped: unknown[] = [];
    const placed: Promise<void>[] = [];
    const comeAndGo = async (): Promise<void> => {
      while (coming) {
        const whole = async (): Promise<void> => {
          const call = await place();
          await sleep(1_500);
          const alive = call.streams.length === 1 && call.streams[0]!.open;
          if (!alive || call.events.find("dial") !== undefined)
            dropped.push([call.sid, ...call.events.entries]);
          sides.push(placeOf(call).split("/")[0]);
          call.hangUp();
          await call.ended;
        };
        placed.push(whole().catch((error: unknown) => void dropped.push(error)));
        await sleep(200);
      }
    };
    const calling = comeAndGo();
    for (const [i, env] of nodeEnvs.entries()) {
      const { publicPort, adminPort } = nodes[i]!;
      await nodes[i]!.stop();
      expect(await nodes[i]!.exited).toBe(0);
      const next = startNode(peers, {
        ...env,
        PORT: String(publicPort),
        ADMIN_PORT: String(adminPort),
      });
      stopped.push(nodes[i]!);
      nodes[i] = await next;
      // Until HAProxy has seen it three times.
      await sleep(4_000);
    }
    coming = false;
    await calling;
    await Promise.all(placed);
    expect(dropped).toEqual([]);
    expect(placed.length).toBeGreaterThan(50);
    expect(new Set(sides).size).toBe(2);
    expect(twilio.violations()).toEqual([]);
  }, 120_000);

  it("loses a node: the other's calls notice nothing, the dead one's callers reach the desk, new ones are served", async () => {
    const sides = (): number => new Set(calls.map((call) => placeOf(call).split("/")[0])).size;
    for (let i = 0; i < 30 && (sides() < 2 || calls.length < 6); i++) await place();
    const lost = calls.filter((call) => placeOf(call).startsWith("node2/"));
    const kept = calls.filter((call) => placeOf(call).startsWith("node1/"));
    expect([lost.length > 0, kept.length > 0]).toEqual([true, true]);
    const sessions = model.sessions.length;
    // The whole machine: workers that only lost their supervisor would carry their calls on.
    nodes[1]!.kill();
    for (const pid of nodes[1]!.workers()) process.kill(pid, "SIGKILL");
    await Promise.all(lost.map((call) => call.events.until("dial_bridged", {}, 20_000)));
    expect(kept.map((call) => [call.streams.length, call.streams[0]!.open])).toEqual(
      kept.map(() => [1, true]),
    );
    expect(model.sessions.length).toBe(sessions);
    const late = await place();
    expect(placeOf(late)).toMatch(/^node1\//);
  }, 60_000);
});
