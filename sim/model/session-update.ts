/** `session.update`: what the server refuses of it. A refused update is discarded as a whole. */
import { isObject, type Json, type JsonObject, valueFault } from "./check.js";
import { at, mergeConfig } from "./config.js";
import type { RefusedPart, SessionFormat } from "./faults.js";

export interface UpdateFault {
  readonly code: string;
  readonly message: string;
  readonly param: string;
}

/** What a session's state forbids; the fields themselves have been checked before. */
export function stateFault(
  config: JsonObject,
  update: JsonObject,
  state: { readonly hasSpoken: boolean; readonly responding: boolean },
): UpdateFault | null {
  const merged = mergeConfig(config, update);
  if (at(merged, "model") !== at(config, "model"))
    return valueFault("session.model", "cannot be changed.");
  const voiceChanges =
    JSON.stringify(at(merged, "audio", "output", "voice")) !==
    JSON.stringify(at(config, "audio", "output", "voice"));
  if (state.hasSpoken && voiceChanges)
    return {
      code: "cannot_update_voice",
      message: "Cannot update a conversation's voice if assistant audio is present.",
      param: "session.audio.output.voice",
    };
  if (state.responding && at(update, "audio", "output", "speed") !== null)
    return valueFault(
      "session.audio.output.speed",
      "cannot be changed while a response is running.",
    );
  if (at(config, "tracing") !== null && update["tracing"] !== undefined)
    return valueFault("session.tracing", "cannot be changed once enabled.");
  return null;
}

/** The first part that a test lets the server refuse. `prefix` is "session." or "". */
export function refusedPart(
  update: JsonObject,
  parts: readonly RefusedPart[],
  prefix: string,
): UpdateFault | null {
  for (const { path, when, code, message } of parts) {
    const value = valueAt(update, path.split("."));
    if (value === undefined || when?.(value) === false) continue;
    const param = prefix + path;
    return {
      code: code ?? "invalid_value",
      message: message ?? `Invalid value for '${param}': not supported here.`,
      param,
    };
  }
  return null;
}

/** The configuration with the audio formats that the server uses in spite of what was asked. */
export function withFormat(config: JsonObject, formats: SessionFormat): JsonObject {
  const format = (type: string) => (type === "audio/pcm" ? { type, rate: 24_000 } : { type });
  const { input, output } = formats;
  return mergeConfig(config, {
    audio: {
      ...(input === undefined ? {} : { input: { format: format(input) } }),
      ...(output === undefined ? {} : { output: { format: format(output) } }),
    },
  });
}

/** Undefined where the path leads to nothing; null is a value. */
function valueAt(object: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = object;
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  return value;
}
