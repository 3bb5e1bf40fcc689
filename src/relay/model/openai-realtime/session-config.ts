import type {
  ContextTruncation,
  ModelSettings,
  TurnDetection,
} from "../../../domain/agent-profile.js";
import type {
  NewItem,
  RealtimeSession,
  SessionTool as RealtimeTool,
  SessionTranscription,
  SessionTurnDetection,
} from "../../../wire/realtime-client.js";
import {
  type HistoryItem,
  RELAYED_FORMAT,
  type SessionChange,
  type SessionProfile,
  type SessionTool,
} from "../model-session.js";

/**
 * The whole `session` of the first `session.update`. It sets every field that matters, because the
 * server's own defaults differ between its documents. There is no `rate`: the server refuses one
 * for mu-law. Optional settings are sent only when the agent has them.
 */
export function sessionConfig(profile: SessionProfile): RealtimeSession {
  const { settings } = profile;
  return {
    type: "realtime",
    instructions: profile.instructions,
    output_modalities: ["audio"],
    audio: {
      input: {
        format: { type: RELAYED_FORMAT },
        noise_reduction: profile.noiseReduction === null ? null : { type: profile.noiseReduction },
        transcription: transcriptionConfig(profile.transcription),
        turn_detection: turnDetectionConfig(profile.turnDetection),
      },
      output: {
        format: { type: RELAYED_FORMAT },
        voice: profile.voice,
        ...(settings?.speed === undefined ? {} : { speed: settings.speed }),
      },
    },
    tools: profile.tools.map(tool),
    tool_choice: "auto",
    ...modelConfig(settings),
  };
}

/** The `session` of a later update: only what changes. */
export function sessionChange(change: SessionChange): RealtimeSession {
  const { instructions, turnDetection, voice } = change;
  return {
    type: "realtime",
    ...(instructions === undefined ? {} : { instructions }),
    ...(turnDetection === undefined && voice === undefined
      ? {}
      : {
          audio: {
            ...(turnDetection === undefined
              ? {}
              : { input: { turn_detection: turnDetectionConfig(turnDetection) } }),
            ...(voice === undefined ? {} : { output: { voice } }),
          },
        }),
  };
}

function modelConfig(settings: ModelSettings | undefined): Partial<RealtimeSession> {
  if (settings === undefined) return {};
  const { reasoningEffort, maxOutputTokens, parallelToolCalls, truncation } = settings;
  return {
    ...(reasoningEffort === undefined ? {} : { reasoning: { effort: reasoningEffort } }),
    ...(maxOutputTokens === undefined ? {} : { max_output_tokens: maxOutputTokens }),
    ...(parallelToolCalls === undefined ? {} : { parallel_tool_calls: parallelToolCalls }),
    ...(truncation === undefined ? {} : { truncation: truncationConfig(truncation) }),
  };
}

function truncationConfig(truncation: ContextTruncation): RealtimeSession["truncation"] & {} {
  if (typeof truncation === "string") return truncation;
  const { retentionRatio, postInstructionsTokens } = truncation;
  return {
    type: "retention_ratio",
    retention_ratio: retentionRatio,
    ...(postInstructionsTokens === null
      ? {}
      : { token_limits: { post_instructions: postInstructionsTokens } }),
  };
}

function transcriptionConfig(
  transcription: SessionProfile["transcription"],
): SessionTranscription | null {
  if (transcription === null) return null;
  const language = isoLanguage(transcription.language);
  return { model: transcription.model, ...(language === null ? {} : { language }) };
}

/**
 * "en-US" → "en". The server takes ISO 639 codes and refuses a whole BCP 47 tag.
 *
 * @returns  null for a tag without such a code. The server then detects the language.
 */
export function isoLanguage(tag: string | null): string | null {
  const primary = tag?.split(/[-_]/)[0]?.toLowerCase() ?? "";
  return /^[a-z]{2,3}$/.test(primary) ? primary : null;
}

export function turnDetectionConfig(turns: TurnDetection): SessionTurnDetection {
  switch (turns.type) {
    case "server_vad":
      return {
        type: "server_vad",
        threshold: turns.threshold,
        prefix_padding_ms: turns.prefixPaddingMs,
        silence_duration_ms: turns.silenceDurationMs,
        idle_timeout_ms: turns.idleTimeoutMs,
        create_response: turns.createResponse,
        interrupt_response: turns.interruptResponse,
      };
    case "semantic_vad":
      return {
        type: "semantic_vad",
        eagerness: turns.eagerness,
        create_response: turns.createResponse,
        interrupt_response: turns.interruptResponse,
      };
  }
}

/** OpenAI's default for `require_approval` would make every MCP call wait for an approval. */
function tool(spec: SessionTool): RealtimeTool {
  return spec.type === "mcp"
    ? { require_approval: "never", ...spec.server, type: "mcp", server_label: spec.label }
    : {
        type: "function",
        name: spec.name,
        description: spec.description,
        parameters: spec.parameters,
      };
}

/**
 * The items that represent one entry of the conversation so far. They contain only text, because a
 * client cannot create audio of the assistant.
 */
export function historyItems(item: HistoryItem): readonly NewItem[] {
  switch (item.kind) {
    case "caller":
      return [
        { type: "message", role: "user", content: [{ type: "input_text", text: item.text }] },
      ];
    case "agent":
      return [
        { type: "message", role: "assistant", content: [{ type: "output_text", text: item.text }] },
      ];
    case "note":
      return [
        { type: "message", role: "system", content: [{ type: "input_text", text: item.text }] },
      ];
    case "tool":
      return [
        { type: "function_call", call_id: item.callId, name: item.name, arguments: item.arguments },
        { type: "function_call_output", call_id: item.callId, output: item.output },
      ];
  }
}
