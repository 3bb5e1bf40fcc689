/** The limits of a caller hold for the whole machine, however many workers it has. */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { NODE_AGENTS, type RelayNode, startNode } from "../fakes/relay-node.js";

const PUBLIC_URL = "https://relay.test";
const CALLER = "+15550001111";
const MOST = 2;

let model: SimulatedModel;
let twilio: SimulatedTwilio;
let node: RelayNode;
beforeAll(async () => {
  model = await startModel({
    script: () => ({ turns: () => ({ say: { text: "Hello.", audio: speechLike(300, 1) } }) }),
  });
  twilio = await startTwilio({ publicUrl: PUBLIC_URL, speed: 20 });
  node = await startNode({ model, twilio, publicUrl: PUBLIC_URL }, { WORKERS: "2" });
  twilio.route(PUBLIC_URL, `http://127.0.0.1:${node.publicPort}`);
  writeFileSync(
    node.agentsFile,
    NODE_AGENTS.replace(
      "    greeting:",
      `    limits: {max_calls_per_caller: ${MOST}}\n    greeting:`,
    ),
  );
}, 90_000);
afterAll(async () => {
  await twilio?.close();
  await node?.remove();
  await model?.close();
});

/** The stream of a call that was taken; a refused caller goes to the overflow destination. */
async function taken(call: Leg): Promise<boolean> {
  return await Promise.race([
    call.events.until("first_media", {}, 20_000).then(() => true),
    call.events.until("dial", {}, 20_000).then(() => false),
    call.ended.then(() => false),
  ]);
}

describe("limits.max_calls_per_caller with two workers", { timeout: 60_000 }, () => {
  it("holds for calls that come at the same moment, and a call that ends makes room", async () => {
    process.kill(node.pid, "SIGHUP");
    await expect
      .poll(() => node.log().split("agents: file reloaded").length, { timeout: 30_000 })
      .toBe(3);
    // Connections are spread over the workers by chance: eight reach both nearly always.
    const calls = Array.from({ length: 8 }, () => twilio.placeCall({ from: CALLER }));
    const first = await Promise.all(calls.map(taken));
    expect(first.filter((one) => one)).toHaveLength(MOST);
    const other = twilio.placeCall({ from: "+15550009999" });
    expect(await taken(other)).toBe(true);
    calls[first.indexOf(true)]!.hangUp();
    await calls[first.indexOf(true)]!.ended;
    await expect
      .poll(async () => await taken(twilio.placeCall({ from: CALLER })), { timeout: 20_000 })
      .toBe(true);
    expect(await taken(twilio.placeCall({ from: CALLER }))).toBe(false);
  });
});
