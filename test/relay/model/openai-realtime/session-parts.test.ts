import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sessionConfig } from "../../../../src/relay/model/openai-realtime/session-config.js";
import { reduceSession } from "../../../../src/relay/model/openai-realtime/session-parts.js";
import type { RealtimeSession } from "../../../../src/wire/realtime-client.js";
import type { ServerFault } from "../../../../src/wire/realtime-objects.js";
import { PROFILE } from "./session-stage.js";

const FULL: RealtimeSession = {
  ...sessionConfig({
    ...PROFILE,
    voice: "coral",
    noiseReduction: "near_field",
    transcription: { model: "gpt-live-transcribe", language: "en-US" },
    tools: [
      { type: "function", name: "lookup_order", description: "", parameters: {} },
      { type: "function", name: "help", description: "", parameters: {} },
      { type: "mcp", label: "shop", server: { server_url: "https://shop.test" } },
    ],
    settings: {
      reasoningEffort: "low",
      speed: 1.2,
      maxOutputTokens: 500,
      parallelToolCalls: true,
      truncation: "disabled",
    },
  }),
  tracing: "auto",
};

const fault = (param: string | null, message = ""): ServerFault => ({
  type: "invalid_request_error",
  code: "invalid_value",
  message,
  param,
  eventId: "configure",
});
const reduce = (param: string | null, message?: string) => {
  const reduced = reduceSession(FULL, fault(param, message));
  return reduced === null ? null : [reduced.part, reduced.tool];
};

describe("reduceSession", () => {
  it.each([
    ["session.audio.input.transcription.model", "transcription"],
    ["session.audio.input.transcription.language", "transcription_language"],
    ["session.audio.input.transcription", "transcription"],
    ["audio.input.noise_reduction.type", "noise_reduction"],
    ["session.reasoning", "reasoning"],
    ["session.reasoning.effort", "reasoning"],
    ["session.audio.output.speed", "speed"],
    ["session.audio.output.voice", "voice"],
    ["session.tracing", "tracing"],
    ["session.truncation", "truncation"],
    ["session.truncation.retention_ratio", "truncation"],
    ["session.max_output_tokens", "max_output_tokens"],
    ["session.parallel_tool_calls", "parallel_tool_calls"],
    ["session.audio.input.turn_detection.idle_timeout_ms", "idle_timeout"],
    ["session.audio.input.turn_detection.threshold", "turn_detection"],
    ["session.audio.input.turn_detection", "turn_detection"],
  ])("leaves out what the parameter %s names", (param, part) => {
    expect(reduce(param)).toEqual([part, null]);
    // The parameter stands in the message as often as beside it.
    expect(reduce(null, `Invalid value for '${param}'.`)).toEqual([part, null]);
  });

  it.each([
    ["Unknown parameter: 'session.reasoning'.", "reasoning"],
    ["The model does not support the reasoning parameter", "reasoning"],
    ["Noise reduction is not available", "noise_reduction"],
    ["Input audio transcription is not supported with this model", "transcription"],
    ["semantic_vad is not supported", "turn_detection"],
  ])("reads the message where there is no parameter: %s", (message, part) => {
    expect(reduce(null, message)).toEqual([part, null]);
  });

  it.each([
    ["session.tools[1].parameters", "", "help"],
    ["session.tools.1", "", "help"],
    ["session.tools", "Tool names must be unique: lookup_order", "lookup_order"],
    ["tools", "Error retrieving tool list from MCP server: 'shop'. Http status code: 424", "shop"],
    ["tools", "The MCP server cannot be reached", "shop"],
    [null, "Invalid schema for function 'lookup_order'", "lookup_order"],
  ])("leaves out the one tool that %s %s names", (param, message, tool) => {
    expect(reduce(param, message)).toEqual(["tool", tool]);
    const reduced = reduceSession(FULL, fault(param, message))!;
    expect(reduced.session.tools).toHaveLength(2);
  });

  it.each([
    ["session.instructions", "too long"],
    ["session.audio.input.format", ""],
    ["session.audio.output.format.rate", ""],
    ["session.type", ""],
    ["session.tools", "something about tools"],
    [null, "The server had an error. Please contact us through our help center."],
    [null, ""],
  ])("finds nothing to leave out in %s %s", (param, message) => {
    expect(reduce(param, message)).toBeNull();
  });

  it("first takes the default voice and plain turn detection, then leaves them to the server", () => {
    const voice = reduceSession(FULL, fault("session.audio.output.voice"))!.session;
    expect(voice.audio?.output?.voice).toBe("marin");
    expect(
      reduceSession(voice, fault("session.audio.output.voice"))!.session.audio?.output,
    ).toEqual({
      format: { type: "audio/pcmu" },
      speed: 1.2,
    });
    const param = "session.audio.input.turn_detection";
    const plain = reduceSession(FULL, fault(param))!.session;
    expect(plain.audio?.input?.turn_detection).toEqual({
      type: "server_vad",
      create_response: true,
      interrupt_response: true,
    });
    const none = reduceSession(plain, fault(param))!.session;
    expect(none.audio?.input).not.toHaveProperty("turn_detection");
    expect(reduceSession(none, fault(param))).toBeNull();
  });

  it("switches a refused part off, and leaves the others as they were", () => {
    const { session } = reduceSession(FULL, fault("session.audio.input.transcription.model"))!;
    expect(session).toEqual({
      ...FULL,
      audio: { ...FULL.audio, input: { ...FULL.audio?.input, transcription: null } },
    });
  });

  it("comes to an end, whatever is refused", () => {
    const params = ["transcription", "voice", "turn_detection", "tools[0]", "reasoning", "speed"];
    const faults = fc.array(fc.constantFrom(...params, "noise_reduction", "tracing"), {
      minLength: 60,
      maxLength: 60,
    });
    fc.assert(
      fc.property(faults, (names) => {
        let session = FULL;
        let steps = 0;
        for (const name of names) {
          const reduced = reduceSession(session, fault(`session.${name}`));
          if (reduced === null) continue;
          session = reduced.session;
          steps++;
        }
        expect(steps).toBeLessThanOrEqual(14);
      }),
    );
  });
});
