import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, vi } from "vitest";
import { NUMBERS, transferTarget } from "../../demo/browser-call.js";
import { PUBLIC_URL, startRelay } from "../../demo/relay.js";
import { demoScript, loadDemoClips } from "../../demo/script.js";
import { Timeline } from "../../demo/timeline.js";
import { speechLike } from "../../sim/audio/synth.js";
import { startModel } from "../../sim/model.js";
import { heardMs } from "../../sim/twilio/heard.js";
import type { Leg } from "../../sim/twilio/leg.js";
import { startTwilio } from "../../sim/twilio.js";
import type { AgentsFile } from "../../src/domain/agent-profile.js";
import { agent } from "../fakes/call-bench.js";
import { it } from "../fakes/it-closing.js";
import { type Stage, startStage } from "../fakes/stage.js";
import { startWireTap } from "../schema/wire-tap.js";

/** The caller has heard this much of what the agent says. */
async function heard(call: Leg, audio: Uint8Array, ms = audio.length / 8): Promise<void> {
  const far = () => (call.stream === null ? 0 : (heardMs(call.stream, audio) ?? 0));
  await vi.waitUntil(() => far() >= ms - 1, { timeout: 30_000 });
}

describe.concurrent("what passes between the relay and the model", () => {
  it("is made of OpenAI's published events in a whole demo call", { timeout: 90_000 }, async ({
    closes,
    expect,
  }) => {
    const clips = loadDemoClips();
    const model = await startModel({ script: demoScript(clips) });
    const twilio = await startTwilio({
      publicUrl: PUBLIC_URL,
      numbers: NUMBERS,
      callees: transferTarget,
    });
    const recordings = mkdtempSync(join(tmpdir(), "murelay-schemas-"));
    closes({ close: async () => rmSync(recordings, { recursive: true }) });
    const tap = closes(await startWireTap(() => model.url));
    const address = { apiKey: model.apiKey, url: tap.url };
    closes(model);
    const { app } = await startRelay(
      address,
      twilio,
      new Timeline(() => undefined),
      "./agents.yaml",
      { RECORDINGS_DIR: recordings },
    );
    closes({ close: () => app.stop() });
    closes(twilio);
    const call = twilio.placeCall();
    await call.events.until("first_media");
    await heard(call, clips.greeting.audio);
    await call.say(clips.problem.audio);
    await heard(call, clips.answer.audio, 4_500);
    await call.say(clips.interrupts.audio);
    await heard(call, clips.thanks.audio);
    await call.say(clips.human.audio);
    await call.events.until("conference_joined", {}, 30_000);
    call.hangUp();
    await call.ended;
    await twilio.settled();

    expect(tap.faults).toEqual([]);
    for (const name of [
      "client session.update",
      "client input_audio_buffer.append",
      "client response.create",
      "client conversation.item.create",
      "client conversation.item.truncate",
      "server response.output_audio.delta",
      "server response.done",
      "server input_audio_buffer.committed",
      "server conversation.item.input_audio_transcription.completed",
      "server rate_limits.updated",
    ])
      expect([name, tap.counts.get(name) ?? 0]).toEqual([name, expect.toSatisfy((n) => n > 0)]);
    expect(model.violations()).toEqual([]);
  });

  it("is so when the model does unusual things", { timeout: 60_000 }, async ({
    closes,
    expect,
  }) => {
    let stage: Stage | null = null;
    const tap = closes(await startWireTap(() => stage?.model.url ?? ""));
    const audio = (ms: number, seed: number) => ({ text: "Hello.", audio: speechLike(ms, seed) });
    const greeting = audio(600, 1);
    const [found, last] = [audio(700, 2), audio(800, 3)];
    stage = await startStage(
      {
        turns: [
          { say: greeting },
          { mcp: [{ server: "shop", name: "stock", arguments: {}, approval: true }] },
          { say: found },
          { say: "You are number two.", modality: "text" },
          { say: last },
        ],
      },
      {
        agents: mcpAgents(),
        env: { OPENAI_REALTIME_URL: tap.url },
        model: { mcpServers: { shop: { tools: [{ name: "stock" }] } } },
      },
    );
    closes(stage);
    stage.model.faults.refuseParts = [
      { path: "audio.input.transcription", when: (value) => value !== null },
    ];
    const call = stage.twilio.placeCall();
    await call.events.until("first_media");
    await heard(call, greeting.audio);
    await call.say(speechLike(700, 4));
    await heard(call, found.audio);
    await call.say(speechLike(700, 5));
    await heard(call, last.audio);
    call.hangUp();
    await call.ended;
    await stage.until(call.sid, "ended");

    expect(tap.faults).toEqual([]);
    for (const name of [
      "server error",
      "server mcp_list_tools.completed",
      "server response.mcp_call.completed",
      "server response.output_text.done",
    ])
      expect([name, tap.counts.get(name) ?? 0]).toEqual([name, expect.toSatisfy((n) => n > 0)]);
    expect(stage.record(call.sid).tools.map(({ name, outcome }) => [name, outcome])).toEqual([
      ["stock", "ok"],
    ]);
    // What came as text was generated, and nobody heard it.
    expect(
      stage.record(call.sid).turns.find(({ text }) => text === "You are number two."),
    ).toMatchObject({ heardText: "", heardMs: 0 });
  });
});

function mcpAgents(): AgentsFile {
  const server = { server_url: "https://mcp.example.com" };
  const profile = agent({
    tools: [
      {
        name: "shop",
        description: "",
        parameters: {},
        source: { kind: "mcp", server },
        timeoutMs: 3_000,
        sayWhileWaiting: null,
      },
    ],
    transcription: { model: "gpt-live-transcribe", language: null },
  });
  return {
    agents: new Map([[profile.name, profile]]),
    numbers: new Map(),
    defaultAgent: profile.name,
  };
}
