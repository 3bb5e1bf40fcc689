import { describe, expect, it } from "vitest";
import {
  isoLanguage,
  sessionChange,
  sessionConfig,
} from "../../../../src/relay/model/openai-realtime/session-config.js";
import { PROFILE, VAD } from "./session-stage.js";

describe("sessionConfig", () => {
  it("sets every field that the relay relies on, in the API's words", () => {
    expect(sessionConfig(PROFILE)).toEqual({
      type: "realtime",
      instructions: "Be brief.",
      output_modalities: ["audio"],
      audio: {
        input: {
          format: { type: "audio/pcmu" },
          noise_reduction: null,
          transcription: { model: "gpt-live-transcribe" },
          turn_detection: {
            type: "server_vad",
            threshold: 0.5,
            prefix_padding_ms: 300,
            silence_duration_ms: 500,
            idle_timeout_ms: null,
            create_response: true,
            interrupt_response: true,
          },
        },
        output: { format: { type: "audio/pcmu" }, voice: "marin" },
      },
      tools: [{ type: "function", name: "t", description: "d", parameters: { type: "object" } }],
      tool_choice: "auto",
    });
  });

  it("sends the settings that the agent has, and no others", () => {
    expect(
      sessionConfig({
        ...PROFILE,
        settings: {
          reasoningEffort: "low",
          speed: 1.1,
          maxOutputTokens: "inf",
          parallelToolCalls: false,
          truncation: {
            type: "retention_ratio",
            retentionRatio: 0.8,
            postInstructionsTokens: 4_000,
          },
        },
      }),
    ).toMatchObject({
      audio: { output: { speed: 1.1 } },
      reasoning: { effort: "low" },
      max_output_tokens: "inf",
      parallel_tool_calls: false,
      truncation: {
        type: "retention_ratio",
        retention_ratio: 0.8,
        token_limits: { post_instructions: 4_000 },
      },
    });
    const plain = sessionConfig({ ...PROFILE, settings: {} });
    for (const name of ["reasoning", "parallel_tool_calls", "max_output_tokens", "truncation"])
      expect(plain).not.toHaveProperty(name);
  });

  it("lets MCP tools run without an approval unless the agent says otherwise", () => {
    const tool = (server: object) =>
      sessionConfig({
        ...PROFILE,
        tools: [{ type: "mcp", label: "shop", server: { server_url: "u", ...server } }],
      }).tools;
    const shop = { type: "mcp", server_label: "shop", server_url: "u" };
    expect(tool({})).toEqual([{ ...shop, require_approval: "never" }]);
    expect(tool({ require_approval: "always", type: "x", server_label: "y" })).toEqual([
      { ...shop, require_approval: "always" },
    ]);
  });

  it("writes semantic turn detection", () => {
    const turnDetection = {
      type: "semantic_vad" as const,
      eagerness: "low" as const,
      createResponse: true,
      interruptResponse: false,
    };
    expect(sessionConfig({ ...PROFILE, turnDetection }).audio?.input?.turn_detection).toEqual({
      type: "semantic_vad",
      eagerness: "low",
      create_response: true,
      interrupt_response: false,
    });
  });
});

describe("sessionChange", () => {
  it("says only what changes", () => {
    expect(sessionChange({})).toEqual({ type: "realtime" });
    expect(sessionChange({ instructions: "i" })).toEqual({ type: "realtime", instructions: "i" });
    expect(sessionChange({ voice: "v" })).toEqual({
      type: "realtime",
      audio: { output: { voice: "v" } },
    });
    expect(sessionChange({ turnDetection: VAD })).toMatchObject({
      audio: { input: { turn_detection: { type: "server_vad" } } },
    });
  });
});

describe("isoLanguage", () => {
  it.each([
    ["en-US", "en"],
    ["EN", "en"],
    ["zh-Hant-TW", "zh"],
    ["pt_BR", "pt"],
    ["fil", "fil"],
    ["i-klingon", null],
    ["english", null],
    ["", null],
    [null, null],
  ])("%s → %s", (tag, code) => {
    expect(isoLanguage(tag)).toBe(code);
  });
});
