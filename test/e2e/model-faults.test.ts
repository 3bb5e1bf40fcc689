import { describe } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { ModelFaults } from "../../sim/model/faults.js";
import type { Turn } from "../../sim/model/script.js";
import { incomplete, longTranscript, oversizedEvent, rateLimited } from "../../sim/model/turns.js";
import type { ModelOptions } from "../../sim/model.js";
import type { Leg } from "../../sim/twilio/leg.js";
import type { AgentProfile, AgentsFile } from "../../src/domain/agent-profile.js";
import { agent } from "../fakes/call-bench.js";
import { hears } from "../fakes/heard-call.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(500, 1) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(600, 2) };
const question = speechLike(700, 3);

async function start(
  closes: Closes,
  turns: readonly Turn[],
  options: { profile?: Partial<AgentProfile>; model?: Partial<ModelOptions> } = {},
): Promise<{ stage: Stage; call: Leg }> {
  const profile = agent({
    transcription: { model: "gpt-live-transcribe", language: "en-US" },
    ...options.profile,
  });
  const agents: AgentsFile = {
    agents: new Map([[profile.name, profile]]),
    numbers: new Map(),
    defaultAgent: profile.name,
  };
  const stage = closes(await startStage({ turns }, { agents, model: options.model ?? {} }));
  return { stage, call: stage.twilio.placeCall() };
}

/** The caller asks, and hears the answer, whatever stands between. */
async function answered(
  closes: Closes,
  turns: readonly Turn[],
  options: Parameters<typeof start>[2] = {},
) {
  const started = await start(closes, [{ say: GREETING }, ...turns, { say: ANSWER }], options);
  await hears(started.call, GREETING.audio);
  await started.call.say(question);
  await hears(started.call, ANSWER.audio);
  return started;
}

describe.concurrent("a model that takes no session", () => {
  it.for<[Partial<ModelFaults>, string, number]>([
    [{ rejectSessions: "invalid_api_key" }, "upstream_account", 1],
    [{ rejectSessions: "missing_api_key" }, "upstream_account", 1],
    [{ rejectSessions: "invalid_model" }, "upstream_account", 1],
    [{ rejectSessions: "missing_model" }, "upstream_account", 1],
    [{ rejectSessions: "beta_api_shape_disabled" }, "upstream_rejected", 1],
    [{ handshake: 403 }, "upstream_account", 1],
    [{ handshake: 407 }, "upstream_refused", 1],
    [{ handshake: 503 }, "upstream_refused", 2],
  ])(
    "%j: code %s, dialled %i times, and the caller goes to a person",
    async ([faults, code, dials], { closes, expect }) => {
      const { stage, call } = await start(closes, [], { model: { faults } });
      await call.events.until("dial", {}, 10_000);
      expect(stage.model.refused).toHaveLength(dials);
      call.hangUp();
      await call.ended;
      await stage.until(call.sid, "ended");
      const notes = stage.record(call.sid).events;
      expect(JSON.stringify(notes)).toContain(code);
    },
  );

  it("gives another audio format, and the caller goes to a person", async ({ closes, expect }) => {
    const sessionFormat = { input: "audio/pcm", output: "audio/pcm" } as const;
    const { stage, call } = await start(closes, [{ say: GREETING }], {
      model: { faults: { sessionFormat } },
    });
    await call.events.until("dial", {}, 10_000);
    expect(stage.model.sessions).toHaveLength(1);
    expect(stage.model.sessions[0]!.received.bytes).toBe(0);
  });
});

describe.concurrent("a model that refuses parts of a session", () => {
  it("costs the caller nothing", async ({ closes, expect }) => {
    const refuseParts = [
      { path: "audio.input.transcription.model" },
      { path: "reasoning", code: "unknown_parameter" },
      { path: "audio.output.voice", when: (value: unknown) => value === "nobody" },
    ];
    const { stage, call } = await answered(closes, [], {
      profile: { voice: "nobody", modelSettings: { reasoningEffort: "low" } },
      model: { faults: { refuseParts } },
    });
    expect(stage.model.sessions).toHaveLength(1);
    expect(
      stage
        .record(call.sid)
        .events.filter(({ name }) => name === "session_part_refused")
        .map(({ fields }) => fields["part"]),
    ).toEqual(expect.arrayContaining(["transcription", "reasoning", "voice"]));
    expect(await stage.metrics()).toContain(
      'murelay_session_parts_refused_total{part="voice",worker="0"} 1',
    );
  });

  it("gets the language as its code", async ({ closes, expect }) => {
    const { stage } = await answered(closes, []);
    const update = stage.model.sessions[0]!.events.find(({ type }) => type === "session.update");
    expect(JSON.stringify(update)).toContain('"language":"en"');
  });
});

describe.concurrent("a response without a word", () => {
  const mcp = { server: "shop", name: "stock", arguments: {} };
  const shop = {
    profile: {
      tools: [
        {
          name: "shop",
          description: "",
          parameters: {},
          source: { kind: "mcp" as const, server: { server_url: "https://mcp.example.com" } },
          timeoutMs: 3_000,
          sayWhileWaiting: null,
        },
      ],
    },
    model: { mcpServers: { shop: { tools: [{ name: "stock" }] } } },
  };

  it.for<[string, Turn]>([
    ["an MCP call that ends after it", { mcp: [{ ...mcp, ms: 300 }] }],
    ["an MCP call that ends before it", { mcp: [{ ...mcp, order: "before_done" }] }],
    ["an MCP call that fails", { mcp: [{ ...mcp, outcome: "failed" }] }],
    ["two MCP calls", { mcp: [mcp, { ...mcp, ms: 200 }] }],
    ["a limit of tokens", incomplete("max_output_tokens")],
    ["a rate limit with a wait", rateLimited(1.2)],
  ])("is followed by the answer, once: %s", async ([_, turn], { closes, expect }) => {
    const { stage, call } = await answered(closes, [turn], shop);
    expect(stage.model.sessions).toHaveLength(1);
    // Greeting, the response without a word, the answer.
    expect(stage.model.sessions[0]!.responses).toHaveLength(3);
    expect(stage.model.violations()).toEqual([]);
    const tools = stage.record(call.sid).tools.map(({ name }) => name);
    expect(tools).toHaveLength(turn.mcp?.length ?? 0);
  });
});

// By itself: megabytes hold up whoever runs beside it.
describe("events that are too large", () => {
  it("do not reach the record, and the call goes on", async ({ closes, expect }) => {
    const long = longTranscript(10_000_000);
    const { stage, call } = await start(closes, [
      { events: [oversizedEvent(8_000_000)], say: long },
      { say: ANSWER },
    ]);
    await hears(call, long.audio!, 20_000);
    await call.say(question);
    await hears(call, ANSWER.audio, 20_000);
    expect(stage.model.sessions).toHaveLength(1);
    expect(JSON.stringify(stage.record(call.sid)).length).toBeLessThan(100_000);
  });
});
