/** Contract O4: an optional part that the model refuses never costs the call, on either path. */
import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../sim/audio/synth.js";
import type { RefusedPart } from "../../sim/model/faults.js";
import type { AgentProfile } from "../../src/domain/agent-profile.js";
import type { SessionPart } from "../../src/relay/model/model-session.js";
import { agent } from "../fakes/call-bench.js";
import { builtinTools, hears, onlyAgent } from "../fakes/heard-call.js";
import { type SipStage, sipAgent, startSipStage } from "../fakes/sip-stage.js";
import { type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(400, 1) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(400, 2) };
const question = speechLike(600, 3);

const OPTIONAL: Partial<AgentProfile> = {
  noiseReduction: "near_field",
  transcription: { model: "gpt-live-transcribe", language: "en-US" },
  modelSettings: {
    reasoningEffort: "low",
    speed: 1.2,
    maxOutputTokens: 500,
    parallelToolCalls: true,
    truncation: "disabled",
  },
};

const hasLookUp: RefusedPart["when"] = (tools) => JSON.stringify(tools).includes('"lookup_order"');

const PARTS: readonly (readonly [SessionPart, RefusedPart])[] = [
  ["transcription", { path: "audio.input.transcription.model" }],
  ["noise_reduction", { path: "audio.input.noise_reduction.type" }],
  ["reasoning", { path: "reasoning", code: "unknown_parameter" }],
  ["speed", { path: "audio.output.speed" }],
  ["tool", { path: "tools", when: hasLookUp, message: "Tool 'lookup_order' is not allowed." }],
  ["voice", { path: "audio.output.voice", when: (value) => value !== "marin" }],
  ["max_output_tokens", { path: "max_output_tokens" }],
  ["parallel_tool_calls", { path: "parallel_tool_calls", code: "unknown_parameter" }],
  ["truncation", { path: "truncation" }],
];

let stage: Stage | null = null;
afterEach(async () => {
  await stage?.close();
  stage = null;
});

function partsOf(on: Stage, callSid: string): unknown[] {
  return on
    .record(callSid)
    .events.filter(({ name }) => name === "session_part_refused")
    .map(({ fields }) => fields["part"]);
}

/** The parts are refused one after the other: all in one call, which asks and is answered. */
describe("every optional part refused", () => {
  const refuseParts = PARTS.map(([, part]) => part);
  const parts = PARTS.map(([part]) => part);

  it("on Media Streams: one dial, and the caller is answered", async () => {
    const profile = agent({
      ...OPTIONAL,
      voice: "coral",
      tools: builtinTools("lookup_order", "end_call"),
    });
    stage = await startStage(
      { turns: [{ say: GREETING }, { say: ANSWER }] },
      { agents: onlyAgent(profile), model: { faults: { refuseParts } } },
    );
    const call = stage.twilio.placeCall();
    await hears(call, GREETING.audio);
    await call.say(question);
    await hears(call, ANSWER.audio);
    expect(stage.model.sessions).toHaveLength(1);
    expect(partsOf(stage, call.sid).sort()).toEqual([...parts].sort());
    const metrics = await stage.metrics();
    for (const part of parts)
      expect(metrics).toContain(`murelay_session_parts_refused_total{part="${part}",worker="0"} 1`);
    expect(stage.model.violations()).toEqual([]);
  });

  it("on SIP: the call is accepted, and the caller is answered", async () => {
    const profile = { ...sipAgent("warm"), ...OPTIONAL, voice: "coral" };
    const sip: SipStage = await startSipStage({
      agents: onlyAgent(profile),
      script: { turns: [{ say: GREETING }, { say: ANSWER }] },
      model: { faults: { refuseParts } },
    });
    stage = sip;
    const caller = sip.place();
    const call = await sip.greeted();
    await sip.ask(caller);
    await sip.said(call, 2);
    expect(partsOf(sip, caller.sid).sort()).toEqual([...parts].sort());
    const accepts = sip.model.sip.requests.filter(({ operation }) => operation === "accept");
    expect(accepts.map(({ status }) => status)).toEqual([...parts.map(() => 400), 200]);
    expect(sip.humans()).toEqual([]);
    const metrics = await sip.metrics();
    for (const part of parts)
      expect(metrics).toContain(`murelay_session_parts_refused_total{part="${part}",worker="0"} 1`);
    caller.hangUp();
    // Without transcription nothing is waited for.
    const hungUpMs = performance.now();
    await sip.until(caller.sid, "ended");
    expect(performance.now() - hungUpMs).toBeLessThan(2_000);
    await sip.twilio.settled();
    expect(sip.faults(caller)).toEqual([]);
  });
});

describe("a part that a session cannot do without, refused on SIP", () => {
  it("is one accept, and the caller goes to a person", async () => {
    const sip = await startSipStage({
      model: { faults: { refuseParts: [{ path: "instructions" }] } },
    });
    stage = sip;
    const caller = sip.place();
    await sip.until(caller.sid, "transfer_requested");
    await expect
      .poll(() => sip.humans().some((leg) => leg.answeredAtMs !== null), { timeout: 10_000 })
      .toBe(true);
    const accepts = sip.model.sip.requests.filter(({ operation }) => operation === "accept");
    expect(accepts.map(({ status }) => status)).toEqual([400]);
    caller.hangUp();
    await sip.until(caller.sid, "ended");
    expect(JSON.stringify(sip.record(caller.sid).events)).toContain("upstream_rejected");
  });
});
