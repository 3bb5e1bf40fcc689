import { describe, expect, it } from "vitest";
import type { ItemId, ResponseId, ToolCallId } from "../../../../src/domain/ids.js";
import { acceptedSession } from "../../../../src/relay/sip/accepted-session.js";
import { acceptFaults, clientEventFaults } from "../../../schema/openai-events.js";
import { openSession, PROFILE, readySession, type StageOptions } from "./session-stage.js";

const EVERYTHING: StageOptions = {
  vad: { interruptResponse: false },
  history: [
    { kind: "caller", text: "hi" },
    { kind: "agent", text: "hello" },
    { kind: "tool", callId: "c" as ToolCallId, name: "t", arguments: "{}", output: "1" },
    { kind: "note", text: "n" },
  ],
  profile: {
    noiseReduction: "far_field",
    transcription: { model: "gpt-4o-transcribe", language: "es-MX" },
    tools: [
      ...PROFILE.tools,
      {
        type: "mcp",
        label: "shop",
        server: { server_url: "https://shop.test/mcp", require_approval: "always" },
      },
    ],
    settings: {
      reasoningEffort: "minimal",
      speed: 0.9,
      maxOutputTokens: 1_000,
      parallelToolCalls: true,
      truncation: {
        type: "retention_ratio",
        retentionRatio: 0.5,
        postInstructionsTokens: 1_000,
      },
    },
  },
};

/** Does everything that a call can ask of a session. */
function sendEverything(options: StageOptions) {
  const stage = readySession(options);
  const { session, model, live } = stage;
  session.appendUlaw(new Uint8Array(160), 0, 160);
  session.append(new TextEncoder().encode("////"), 0, 4);
  session.note("The caller is known.");
  session.greet("Greet.");
  model.created("r1");
  const request = { type: "mcp_approval_request", id: "a1", server_label: "shop", name: "buy" };
  model.done("r1", { output: [{ ...request, arguments: "{}" }] });
  session.requestResponse();
  model.created("r2");
  model.delta("r2", "i1", 800);
  session.interrupted([
    { itemId: "i1" as ItemId, responseId: "r2" as ResponseId, contentIndex: 0, heardMs: 20 },
  ]);
  model.delta("r2", "i2", 800);
  model.done("r2");
  session.toolResults([{ callId: "c" as ToolCallId, output: "done" }], true);
  session.update({ instructions: "i", voice: "cedar", turnDetection: PROFILE.turnDetection });
  session.update({
    turnDetection: {
      type: "semantic_vad",
      eagerness: "auto",
      createResponse: true,
      interruptResponse: true,
    },
  });
  model.created("r3");
  session.stopSpeaking();
  session.probe();
  live(100);
  return model.sent;
}

describe("what a session can send", () => {
  it("are events of the published types, each with an id", () => {
    const sent = [
      ...sendEverything(EVERYTHING),
      ...sendEverything({ ...EVERYTHING, audio: { path: "direct", callId: "rtc_1" } }),
    ];
    const kinds = new Set(
      sent.map(({ type, item }) =>
        typeof item === "object" && item !== null
          ? `${String(type)}: ${String(Reflect.get(item, "type"))}`
          : type,
      ),
    );
    expect([...kinds].sort()).toEqual([
      "conversation.item.create: function_call",
      "conversation.item.create: function_call_output",
      "conversation.item.create: mcp_approval_response",
      "conversation.item.create: message",
      "conversation.item.delete",
      "conversation.item.truncate",
      "input_audio_buffer.append",
      "output_audio_buffer.clear",
      "response.cancel",
      "response.create",
      "session.update",
    ]);
    for (const event of sent) {
      expect([event, clientEventFaults(event)]).toEqual([event, []]);
      if (event["type"] !== "input_audio_buffer.append")
        expect(event["event_id"]).toBeTypeOf("string");
    }
  });

  it("is such an event also after every refusal of a part", () => {
    const { model } = openSession(EVERYTHING);
    model.open();
    model.says({ type: "session.created", session: {} });
    const parts = ["noise_reduction", "transcription.language", "transcription", "voice", "speed"];
    const more = ["turn_detection", "turn_detection", "reasoning", "truncation", "tools[1]"];
    for (const part of [...parts, ...more, "max_output_tokens", "parallel_tool_calls"]) {
      const update = model.of("session.update").at(-1)!;
      expect(clientEventFaults(update)).toEqual([]);
      model.says({
        type: "error",
        error: {
          type: "invalid_request_error",
          code: "invalid_value",
          message: "?",
          param: `session.${part}`,
          event_id: update["event_id"],
        },
      });
    }
    expect(model.of("session.update")).toHaveLength(13);
  });

  it("is a session of the published type where a SIP call is accepted", () => {
    const profile = { ...PROFILE, ...EVERYTHING.profile };
    expect(acceptFaults(acceptedSession(profile))).toEqual([]);
  });
});
