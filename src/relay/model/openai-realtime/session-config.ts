import type { TurnDetection } from "../../../domain/agent-profile.js";
import type {
  NewItem,
  RealtimeSession,
  SessionTool as RealtimeTool,
  SessionTurnDetection,
} from "../../../wire/realtime-client.js";
import type { HistoryItem, SessionProfile, SessionTool } from "../model-session.js";

/**
 * The whole `session` of the first `session.update`. Every field that matters is set: the server's own
 * defaults differ between its documents. Mu-law both ways, and no `rate`: the server refuses one here.
 */
export function sessionConfig(profile: SessionProfile): RealtimeSession {
  const { transcription } = profile;
  return {
    type: "realtime",
    instructions: profile.instructions,
    output_modalities: ["audio"],
    audio: {
      input: {
        format: { type: "audio/pcmu" },
        noise_reduction: profile.noiseReduction === null ? null : { type: profile.noiseReduction },
        transcription:
          transcription === null
            ? null
            : {
                model: transcription.model,
                ...(transcription.language === null ? {} : { language: transcription.language }),
              },
        turn_detection: turnDetectionConfig(profile.turnDetection),
      },
      output: { format: { type: "audio/pcmu" }, voice: profile.voice },
    },
    tools: profile.tools.map(tool),
    tool_choice: "auto",
  };
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

function tool(spec: SessionTool): RealtimeTool {
  return spec.type === "mcp"
    ? { ...spec.server, type: "mcp", server_label: spec.label }
    : {
        type: "function",
        name: spec.name,
        description: spec.description,
        parameters: spec.parameters,
      };
}

/** One thing of the past as the items that tell it: text only, because an assistant's audio cannot be created. */
export function recalled(item: HistoryItem): readonly NewItem[] {
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
