/** What a session knows and is told, on both paths, and what it costs in the default configuration. */
import { describe } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { JsonObject } from "../../sim/model/check.js";
import type { AgentProfile } from "../../src/domain/agent-profile.js";
import { agent } from "../fakes/call-bench.js";
import { hears, onlyAgent } from "../fakes/heard-call.js";
import { type Closes, it } from "../fakes/it-closing.js";
import { sipAgent, startSipStage } from "../fakes/sip-stage.js";
import { startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const question = speechLike(600, 2);
const FROM = "+12025550177";

const informed: Partial<AgentProfile> = {
  instructions: "Today is {{weekday}}, {{date}}. They call from {{caller_number}}.",
  greeting: "Happy {{weekday}}!",
  timeZone: "America/New_York",
  tellCallerNumber: true,
  modelSettings: {
    reasoningEffort: "low",
    speed: 1.1,
    maxOutputTokens: 900,
    parallelToolCalls: false,
    truncation: "disabled",
  },
};

const inNewYork = (options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", ...options }).format(Date.now());

/** The session as the model was given it, and the first request to speak. */
async function given(closes: Closes, path: "media-stream" | "sip", changes: Partial<AgentProfile>) {
  const script = { turns: [{ say: GREETING }] };
  const on =
    path === "sip"
      ? await startSipStage({ script, agents: onlyAgent({ ...sipAgent("warm"), ...changes }) })
      : await startStage(script, { agents: onlyAgent(agent(changes)) });
  closes(on);
  const call = on.twilio.placeCall({ from: FROM });
  await on.until(call.sid, "agent_heard");
  const { events, config } = on.model.sessions[0]!;
  const create = events.find(({ type }) => type === "response.create")!;
  return { config, greeting: JSON.stringify(create.event) };
}

describe.concurrent.each(["media-stream", "sip"] as const)("a session on the path %s", (path) => {
  it("knows date, weekday, time and the caller's number, and has the agent's settings", async ({
    closes,
    expect,
  }) => {
    const { config, greeting } = await given(closes, path, informed);
    const text = String(config["instructions"]);
    const weekday = inNewYork({ weekday: "long" });
    expect(text).toContain(`Today is ${weekday}, `);
    expect(text).toContain(inNewYork({ year: "numeric", month: "long", day: "numeric" }));
    expect(text).toContain(`They call from ${FROM}.`);
    expect(text).toMatch(/\d\d:\d\d in the time zone America\/New_York/);
    expect(text).toContain(`The caller's number is ${FROM}.`);
    expect(greeting).toContain(`Happy ${weekday}!`);
    const audio = config["audio"] as { output: JsonObject };
    expect(audio.output["speed"]).toBe(1.1);
    expect(config).toMatchObject({
      reasoning: { effort: "low" },
      max_output_tokens: 900,
      parallel_tool_calls: false,
      truncation: "disabled",
    });
  });

  it("is not told the number where that is switched off", async ({ closes, expect }) => {
    const { config } = await given(closes, path, { timeZone: "UTC", tellCallerNumber: false });
    expect(String(config["instructions"])).toContain("in the time zone UTC");
    expect(String(config["instructions"])).not.toContain(FROM);
  });
});

describe.concurrent("the cost of a call", () => {
  it.for<[string, number]>([
    ["gpt-live-transcribe", 0.017],
    ["gpt-realtime-whisper", 0.017],
    ["gpt-transcribe", 0.0045],
  ])(
    "holds the transcription by %s, by its duration",
    async ([model, perMinute], { closes, expect }) => {
      const profile = agent({ transcription: { model, language: null } });
      const on = await startStage(
        { turns: [{ say: GREETING }, null], transcripts: ["Hello?"] },
        { agents: onlyAgent(profile), model: { transcription: "duration" } },
      );
      closes(on);
      const call = on.twilio.placeCall();
      await hears(call, GREETING.audio);
      await call.say(question);
      await on.until(call.sid, "transcription_usage");
      const usage = on
        .written(call.sid)
        .find(({ type }) => type === "transcription_usage") as unknown as { seconds: number };
      expect(usage.seconds).toBeGreaterThan(0);
      const text = await on.metrics();
      const cost = Number(
        new RegExp(`cost_usd_total\\{agent="support",model="${model}",worker="0"\\} (\\S+)`).exec(
          text,
        )?.[1],
      );
      expect(cost).toBeCloseTo((usage.seconds / 60) * perMinute, 6);
    },
  );

  it("ends a call at max_cost_usd, with the default prices", async ({ closes, expect }) => {
    const base = agent();
    const profile = agent({
      transcription: { model: "gpt-live-transcribe", language: null },
      limits: { ...base.limits, maxCostUsd: 0.000_5 },
    });
    const on = await startStage(
      { turns: () => ({ say: GREETING }), transcripts: ["Hello?"] },
      { agents: onlyAgent(profile) },
    );
    closes(on);
    const call = on.twilio.placeCall();
    await hears(call, GREETING.audio);
    await call.events.until("dial_bridged", {}, 15_000);
    expect(on.record(call.sid).transfer).toMatchObject({ by: "limit" });
  });
});
