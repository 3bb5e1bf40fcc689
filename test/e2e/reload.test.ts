/** An agents file that changes while calls run, and signals that must not end the relay. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { NODE_AGENTS, type RelayNode, startNode } from "../fakes/relay-node.js";

const PUBLIC_URL = "https://relay.test";
const LONG = { text: "One two three four five six seven eight.", audio: speechLike(6_000, 2) };

let model: SimulatedModel;
let twilio: SimulatedTwilio;
let node: RelayNode;
let original: string;
const calls: Leg[] = [];

beforeAll(async () => {
  model = await startModel({ script: () => ({ turns: [{ say: LONG }, { say: LONG }] }) });
  twilio = await startTwilio({ publicUrl: PUBLIC_URL, speed: 20 });
  node = await startNode({ model, twilio, publicUrl: PUBLIC_URL }, { WORKERS: "2" });
  twilio.route(PUBLIC_URL, `http://127.0.0.1:${node.publicPort}`);
  original = readFileSync(node.agentsFile, "utf8");
}, 90_000);
afterEach(() => {
  for (const call of calls.splice(0)) call.hangUp();
});
afterAll(async () => {
  await twilio?.close();
  await node?.remove();
  await model?.close();
});

let sessions = 0;
/** Places a call and returns what its model session was told. */
async function place(): Promise<{ readonly call: Leg; readonly told: string }> {
  const call = twilio.placeCall();
  calls.push(call);
  await call.events.until("first_media", {}, 20_000);
  // A session that was dialled for a call that had just ended was told nothing.
  for (;;) {
    const told = JSON.stringify((await model.session(sessions++)).events);
    if (told !== "[]") return { call, told };
  }
}

/** Until new callers of both workers get the new instructions. */
async function inForce(words: string): Promise<void> {
  await expect
    .poll(
      async () => {
        const both = [await place(), await place(), await place(), await place()];
        for (const { call } of both) call.hangUp();
        return both.every(({ told }) => told.includes(words));
      },
      { timeout: 40_000, interval: 200 },
    )
    .toBe(true);
}

describe("SIGHUP", () => {
  it("puts a changed agents file in force for new callers, and disturbs no call", async () => {
    const running = await place();
    expect(running.told).toContain("You answer the phone.");
    writeFileSync(node.agentsFile, original.replace("You answer the phone.", "Version two."));
    process.kill(node.pid, "SIGHUP");
    await inForce("Version two.");
    expect(running.call.streams[0]!.open).toBe(true);
    expect(running.call.events.find("dial")).toBeUndefined();
  }, 90_000);

  it("changes nothing when the file has faults, and logs them", async () => {
    writeFileSync(node.agentsFile, "agents: {support: {instructions: 7}}\n");
    process.kill(node.pid, "SIGHUP");
    await expect.poll(() => node.log(), { timeout: 30_000 }).toContain("reload refused");
    expect(node.log()).toContain("agents.support.instructions");
    expect((await place()).told).toContain("Version two.");
  }, 90_000);
});

describe("POST /api/agents/reload", () => {
  it("reaches every worker, whichever was asked", async () => {
    writeFileSync(node.agentsFile, original.replace("You answer the phone.", "Version three."));
    expect((await node.post("/api/agents/reload")).status).toBe(202);
    await inForce("Version three.");
    writeFileSync(node.agentsFile, "agents: {}\n");
    const refused = await node.post("/api/agents/reload");
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
      422,
      { error: "agents_file" },
    ]);
    expect((await place()).told).toContain("Version three.");
  }, 90_000);

  it("is refused by workers that cannot load a tool of the file, and changes nothing", async () => {
    writeFileSync(join(dirname(node.agentsFile), "broken.mjs"), 'throw new Error("half written");');
    writeFileSync(
      node.agentsFile,
      original
        .replace("You answer the phone.", "Never in force.")
        .replace("tools: [", "tools: [broken, ")
        .concat("tools: {broken: {module: ./broken.mjs}}\n"),
    );
    const refused = await node.post("/api/agents/reload");
    expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
      422,
      { error: "agents_file", faults: [{ problem: expect.stringContaining("broken") }] },
    ]);
    await inForce("Version three.");
  }, 90_000);
});

describe("a worker that is lost", () => {
  it.each([
    ["has faults", "agents: {support: {instructions: 7}}\n"],
    ["nobody reloaded", NODE_AGENTS.replace("You answer the phone.", "Never asked for.")],
  ])(
    "is replaced with the agents in force while the file %s",
    async (_, text) => {
      writeFileSync(node.agentsFile, original.replace("You answer the phone.", "Version four."));
      expect((await node.post("/api/agents/reload")).status).toBe(202);
      writeFileSync(node.agentsFile, text);
      const before = node.workers();
      process.kill(before[1]!, "SIGKILL");
      await expect.poll(() => node.workers()[1], { timeout: 20_000 }).not.toBe(before[1]);
      await inForce("Version four.");
    },
    90_000,
  );
});

describe("SIGUSR1 and SIGUSR2", () => {
  it("end nothing and open no inspector", async () => {
    const { call } = await place();
    for (const pid of [node.pid, ...node.workers()])
      for (const signal of ["SIGUSR1", "SIGUSR2"] as const) process.kill(pid, signal);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await node.get("/ready")).toContain("true");
    expect(node.log()).not.toContain("Debugger listening");
    expect(call.streams[0]!.open).toBe(true);
  });
});
