/** The session's effective configuration, and how an update is merged into it. */
import { isObject, type Json, type JsonObject } from "./check.js";
import type { VadSettings } from "./vad.js";

/** A session before any update. Times are those of the official example, not those of the guide. */
export function freshConfig(model: string): JsonObject {
  return {
    type: "realtime",
    model,
    output_modalities: ["audio"],
    instructions: "Your knowledge cutoff is 2023-10. You are a helpful, witty, and friendly AI.",
    audio: {
      input: {
        format: { type: "audio/pcm", rate: 24000 },
        noise_reduction: null,
        transcription: null,
        turn_detection: serverVad({}),
      },
      output: { format: { type: "audio/pcm", rate: 24000 }, voice: "marin", speed: 1 },
    },
    tools: [],
    tool_choice: "auto",
    max_output_tokens: "inf",
    truncation: "auto",
    tracing: null,
  };
}

function serverVad(given: JsonObject): JsonObject {
  return {
    type: "server_vad",
    threshold: 0.5,
    prefix_padding_ms: 300,
    silence_duration_ms: 200,
    idle_timeout_ms: null,
    create_response: true,
    interrupt_response: true,
    ...given,
  };
}

/**
 * Given fields replace, and objects merge. A turn detection of another type starts from its
 * defaults.
 */
export function mergeConfig(into: JsonObject, update: JsonObject, path = ""): JsonObject {
  const merged: Record<string, Json | undefined> = { ...into };
  for (const [key, value] of Object.entries(update)) {
    const old = into[key];
    const here = `${path}.${key}`;
    if (here.endsWith(".turn_detection") && isObject(value)) {
      const same = isObject(old) && old["type"] === value["type"] ? old : {};
      merged[key] =
        value["type"] === "server_vad"
          ? serverVad({ ...same, ...value })
          : {
              eagerness: "auto",
              create_response: true,
              interrupt_response: true,
              ...same,
              ...value,
            };
    } else if (isObject(value) && isObject(old) && !here.endsWith(".format")) {
      merged[key] = mergeConfig(old, value, here);
    } else merged[key] = value;
  }
  return merged;
}

export function at(config: JsonObject, ...path: readonly string[]): Json {
  let value: Json | undefined = config;
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  return value ?? null;
}

export function textAt(config: JsonObject, ...path: readonly string[]): string {
  const value = at(config, ...path);
  return typeof value === "string" ? value : "";
}

export interface TurnDetection {
  readonly vad: VadSettings;
  readonly idleTimeoutMs: number | null;
  readonly createResponse: boolean;
  readonly interruptResponse: boolean;
}

const EAGERNESS_SILENCE_MS: Readonly<Record<string, number>> = {
  low: 1600,
  medium: 800,
  auto: 800,
  high: 400,
};

/** What a response is made of: what its request asks for, else what the session does. */
export function modalityOf(config: JsonObject, request: JsonObject): "audio" | "text" {
  const asked = request["output_modalities"] ?? config["output_modalities"];
  return Array.isArray(asked) && asked[0] === "text" ? "text" : "audio";
}

/** The models whose transcripts are billed by tokens; all others are billed by duration. */
export function transcriptBilledByTokens(config: JsonObject): boolean {
  return textAt(config, "audio", "input", "transcription", "model").startsWith("gpt-4o");
}

/** Null: push-to-talk. */
export function turnDetectionOf(config: JsonObject): TurnDetection | null {
  const given = at(config, "audio", "input", "turn_detection");
  if (!isObject(given)) return null;
  const num = (key: string, absent: number) => {
    const value = given[key];
    return typeof value === "number" ? value : absent;
  };
  const semantic = given["type"] === "semantic_vad";
  const idle = given["idle_timeout_ms"];
  return {
    vad: semantic
      ? {
          threshold: 0.5,
          prefixPaddingMs: 300,
          silenceDurationMs: EAGERNESS_SILENCE_MS[String(given["eagerness"])] ?? 800,
        }
      : {
          threshold: num("threshold", 0.5),
          prefixPaddingMs: num("prefix_padding_ms", 300),
          silenceDurationMs: num("silence_duration_ms", 200),
        },
    idleTimeoutMs: typeof idle === "number" ? idle : null,
    createResponse: given["create_response"] !== false,
    interruptResponse: given["interrupt_response"] !== false,
  };
}
