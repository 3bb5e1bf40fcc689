import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Leg } from "../../sim/twilio/leg.js";
import { BalancedNodes, balancedSkip, placeOf } from "../fakes/balanced-nodes.js";
import { HAPROXY, HAPROXY_CONFIG } from "../fakes/haproxy.js";
import type { RelayNode } from "../fakes/relay-node.js";

describe.skipIf(balancedSkip() !== null)("HAProxy", () => {
  let balanced: BalancedNodes;

  beforeAll(async () => {
    balanced = await BalancedNodes.start();
  }, 120_000);
  afterEach(async () => await balanced.endCalls());
  afterAll(async () => await balanced?.close(), 60_000);

  const active = async (node: RelayNode): Promise<Record<string, number>> => {
    const text = await node.get("/metrics");
    const found = text.matchAll(/^murelay_calls_active\{worker="(\d)"\} (\d+)/gm);
    return Object.fromEntries([...found].map(([, worker, count]) => [worker, Number(count)]));
  };

  it("takes the shipped configuration as it is", () => {
    const pem = join(balanced.parts.folder, "relay.pem");
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
    const file = join(balanced.parts.folder, "shipped.cfg");
    writeFileSync(
      file,
      readFileSync(HAPROXY_CONFIG, "utf8").replace("/etc/haproxy/relay.pem", pem),
    );
    const { status, stderr } = spawnSync(HAPROXY, ["-c", "-f", file]);
    expect([status, String(stderr)]).toEqual([0, ""]);
  });

  it("spreads calls over the nodes, and brings each stream to the worker that answered its webhook", async () => {
    await Promise.all(Array.from({ length: 12 }, () => balanced.place()));
    const placed = new Map<string, number>();
    for (const call of balanced.calls)
      placed.set(placeOf(call), (placed.get(placeOf(call)) ?? 0) + 1);
    expect([...placed.keys()].filter((place) => place.startsWith("node2/")).length).toBe(1);
    expect([...placed.keys()].some((place) => place.startsWith("node1/"))).toBe(true);
    await expect
      .poll(async () => [await active(balanced.nodes[0]!), await active(balanced.nodes[1]!)], {
        timeout: 5_000,
      })
      .toEqual([
        { 0: placed.get("node1/0") ?? 0, 1: placed.get("node1/1") ?? 0 },
        { 0: placed.get("node2/0") ?? 0 },
      ]);
    // Each call found its session waiting: one a call.
    expect(balanced.model.sessions.length).toBe(12);
    expect(balanced.twilio.violations()).toEqual([]);
  });

  it("knows of both nodes, and a command given to the wrong one works", async () => {
    await expect
      .poll(
        async () =>
          (JSON.parse(await balanced.nodes[1]!.get("/api/nodes")) as { nodes: object[] }).nodes
            .length,
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
      there.push(await balanced.place());
    for (const call of there) {
      const wrong = placeOf(call).startsWith("node1/") ? balanced.nodes[1]! : balanced.nodes[0]!;
      const answer = await wrong.post(`/api/calls/${call.sid}/transfer`, { destination: "desk" });
      expect([answer.status, answer.text]).toEqual([202, expect.stringContaining("desk")]);
      await call.events.until("dial_bridged", {}, 10_000);
      await call.ended;
    }
    expect(balanced.twilio.violations()).toEqual([]);
  });

  it("loses a node: the other's calls notice nothing, the dead one's callers reach the desk, new ones are served", async () => {
    const sides = (): number =>
      new Set(balanced.calls.map((call) => placeOf(call).split("/")[0])).size;
    for (let i = 0; i < 30 && (sides() < 2 || balanced.calls.length < 6); i++)
      await balanced.place();
    const lost = balanced.calls.filter((call) => placeOf(call).startsWith("node2/"));
    const kept = balanced.calls.filter((call) => placeOf(call).startsWith("node1/"));
    expect([lost.length > 0, kept.length > 0]).toEqual([true, true]);
    const sessions = balanced.model.sessions.length;
    // The whole machine: workers that only lost their supervisor would carry their calls on.
    await balanced.kill(1);
    await Promise.all(lost.map((call) => call.events.until("dial_bridged", {}, 20_000)));
    expect(kept.map((call) => [call.streams.length, call.streams[0]!.open])).toEqual(
      kept.map(() => [1, true]),
    );
    expect(balanced.model.sessions.length).toBe(sessions);
    const late = await balanced.place();
    expect(placeOf(late)).toMatch(/^node1\//);
  }, 60_000);
});
