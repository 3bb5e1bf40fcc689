/** The relay as a service manager stops it, and as a worker dies: every caller reaches a human. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { type RelayNode, startNode } from "../fakes/relay-node.js";

const PUBLIC_URL = "https://relay.test";
const CALLS = 10;
const LONG = { text: "One two three four five six seven eight.", audio: speechLike(6_000, 2) };

let model: SimulatedModel;
let twilio: SimulatedTwilio;
let node: RelayNode | null = null;

beforeAll(async () => {
  model = await startModel({ script: () => ({ turns: [{ say: LONG }, { say: LONG }] }) });
  twilio = await startTwilio({ publicUrl: PUBLIC_URL, speed: 20 });
}, 60_000);
afterEach(async () => {
  await node?.remove();
  node = null;
});
afterAll(async () => {
  await twilio?.close();
  await model?.close();
});

async function start(workers: number, env: Record<string, string> = {}): Promise<RelayNode> {
  node = await startNode(
    { model, twilio, publicUrl: PUBLIC_URL },
    { WORKERS: String(workers), DRAIN_SECONDS: "2", ...env },
  );
  twilio.route(PUBLIC_URL, `http://127.0.0.1:${node.publicPort}`);
  return node;
}

async function placeCalls(count: number): Promise<Leg[]> {
  const calls = Array.from({ length: count }, () => twilio.placeCall());
  await Promise.all(calls.map((call) => call.events.until("first_media", {}, 20_000)));
  return calls;
}

/** Callers whom Twilio has connected with the human's phone. */
async function reachedHuman(calls: readonly Leg[]): Promise<number> {
  const bridged = await Promise.allSettled(
    calls.map((call) => call.events.until("dial_bridged", {}, 20_000)),
  );
  for (const call of calls) call.hangUp();
  await Promise.all(calls.map((call) => call.ended));
  return bridged.filter(({ status }) => status === "fulfilled").length;
}

/**
 * Kills one worker after the other. Twilio tries a webhook twice, so that one which reached both
 * workers while they died would be lost.
 */
async function killAll(workers: readonly number[], calls: readonly Leg[]): Promise<void> {
  for (const worker of workers) {
    process.kill(worker, "SIGKILL");
    // Until Twilio has seen that the streams are closed.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await vi.waitFor(
      () => {
        for (const { events } of closed(calls))
          expect(events.find("webhook", { path: "/connect-ended" })).toBeDefined();
      },
      { timeout: 10_000, interval: 10 },
    );
  }
}

function closed(calls: readonly Leg[]): readonly Leg[] {
  return calls.filter(({ events }) => events.find("stream_closed") !== undefined);
}

describe("a drain", () => {
  it("ends with its last call, and starts no worker for a caller who has hung up", async () => {
    const relay = await start(1, { DRAIN_SECONDS: "20" });
    const calls = await placeCalls(1);
    process.kill(relay.pid, "SIGTERM");
    await expect
      .poll(() => relay.log(), { timeout: 20_000 })
      .toContain("no new calls are accepted");
    for (const call of calls) call.hangUp();
    expect(await relay.exited).toBe(0);
    expect(relay.log().split('"supervisor: worker listening"')).toHaveLength(2);
  }, 60_000);
});

describe.each([1, 2])("with %i worker(s)", (workers) => {
  it("brings every caller to a human when the drain time is over", async () => {
    const { pid, exited } = await start(workers);
    const calls = await placeCalls(CALLS);
    process.kill(pid, "SIGTERM");
    expect(await reachedHuman(calls)).toBe(CALLS);
    expect(await exited).toBe(0);
  }, 90_000);

  it("brings every caller to a human at a second SIGTERM", async () => {
    const { pid, exited } = await start(workers, { DRAIN_SECONDS: "60" });
    const calls = await placeCalls(CALLS);
    process.kill(pid, "SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 500));
    process.kill(pid, "SIGTERM");
    expect(await reachedHuman(calls)).toBe(CALLS);
    expect(await exited).toBe(0);
  }, 90_000);

  it("brings every caller of a killed worker to a human", async () => {
    const relay = await start(workers);
    const calls = await placeCalls(CALLS);
    await killAll(relay.workers(), calls);
    expect(await reachedHuman(calls)).toBe(CALLS);
  }, 90_000);
});
