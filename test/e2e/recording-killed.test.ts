/** A process that is killed while a recording is transcribed: another one does it, at once. */

import { writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import { type SimulatedModel, startModel } from "../../sim/model.js";
import { type SimulatedTwilio, startTwilio } from "../../sim/twilio.js";
import { type Peer, peer, readTranscription } from "../fakes/media-peers.js";
import { NODE_AGENTS, type RelayNode, startNode } from "../fakes/relay-node.js";
import { PUBLIC_URL } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const RECORDED = NODE_AGENTS.replace(
  "    tools:",
  "    recording: {enabled: true, channels: dual, transcribe: {model: new-model, words: true}}\n    tools:",
);
/** After the start: a heartbeat, a round of recovery, and the first look for jobs. */
const SOON_MS = 25_000;

let model: SimulatedModel | null = null;
let twilio: SimulatedTwilio | null = null;
let api: Peer | null = null;
const nodes: RelayNode[] = [];
afterEach(async () => {
  await twilio?.close();
  for (const node of nodes.splice(0).reverse()) await node.remove();
  await model?.close();
  await api?.close();
});

describe("a transcription whose process is killed", () => {
  it("is due again at once, and a model without word times gives segments", {
    timeout: 120_000,
  }, async () => {
    const asked: string[] = [];
    let isHanging = true;
    api = await peer((request, response: ServerResponse) => {
      void readTranscription(request).then(({ fields }) => {
        const detail = fields["timestamp_granularities[]"] ?? "none";
        asked.push(detail);
        if (isHanging) return;
        if (detail === "word") {
          const message = "This model does not support word timestamps.";
          response.writeHead(400).end(JSON.stringify({ error: { message } }));
          return;
        }
        const segments = [{ text: "Hello there.", start: 0, end: 0.4 }];
        response.writeHead(200).end(JSON.stringify({ text: "Hello there.", segments }));
      });
    });
    model = await startModel({ script: { turns: [{ say: GREETING }] } });
    twilio = await startTwilio({ publicUrl: PUBLIC_URL, speed: 20 });
    const peers = { model, twilio, publicUrl: PUBLIC_URL };
    const env = { OPENAI_BASE_URL: `${api.url}/v1` };
    const first = await startNode(peers, env);
    nodes.push(first);
    writeFileSync(first.agentsFile, RECORDED);
    expect((await first.post("/api/agents/reload")).status).toBeLessThan(300);
    await expect.poll(() => first.log(), { timeout: 10_000 }).toContain("agents: file reloaded");
    twilio.route(PUBLIC_URL, `http://127.0.0.1:${first.publicPort}`);

    const call = twilio.placeCall();
    await call.events.until("first_media");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    call.hangUp();
    await call.ended;
    await expect.poll(() => asked.length, { timeout: 30_000 }).toBeGreaterThan(0);
    // Its workers outlive a supervisor that is killed alone.
    for (const pid of [first.pid, ...first.workers()]) process.kill(pid, "SIGKILL");
    await first.exited;
    isHanging = false;

    const second = await startNode(peers, {
      ...env,
      AGENTS_FILE: first.agentsFile,
      DATABASE_URL: `sqlite:${first.agentsFile.replace("agents.yaml", "node.db")}`,
      RECORDINGS_DIR: first.recordings,
    });
    nodes.push(second);
    const startedMs = performance.now();
    await expect
      .poll(async () => JSON.parse(await second.get(`/api/calls/${call.sid}`)), {
        timeout: SOON_MS,
      })
      .toMatchObject({ recording: { transcript: expect.stringContaining("Hello there.") } });
    expect(performance.now() - startedMs).toBeLessThan(SOON_MS);
    expect(asked).toContain("segment");
  });
});
