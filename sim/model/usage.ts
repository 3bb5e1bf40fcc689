/**
 * Plausible token counts: a text token per 4 characters, an audio token per 100 ms of the caller's
 * and per 50 ms of the model's audio.
 */
import type { JsonObject } from "./check.js";
import { textAt } from "./config.js";
import { audioMsOf, type Conversation } from "./items.js";
import type { ResponseRun } from "./response.js";

export function usageOf(
  run: ResponseRun,
  conversation: Conversation,
  config: JsonObject,
  heardBytes: number,
): JsonObject | null {
  const kind = run.turn.usage ?? "full";
  if (kind === "none") return null;
  const own = new Set(run.items);
  let words = textAt(config, "instructions").length + JSON.stringify(config["tools"] ?? []).length;
  let audioTokens = Math.ceil(heardBytes / 800);
  for (const item of conversation.all()) {
    if (own.has(item)) continue;
    words += JSON.stringify(item.content).length + item.arguments.length + item.output.length;
    audioTokens += Math.ceil(audioMsOf(item) / 50);
  }
  const textTokens = Math.ceil(words / 4);
  const spoken = [...own].reduce((sum, item) => sum + Math.ceil(item.sentBytes / 400), 0);
  const written = [...own].reduce(
    (sum, item) =>
      sum + Math.ceil((JSON.stringify(item.content).length + item.arguments.length) / 4),
    0,
  );
  // Input that an earlier response has read is cached, in steps of 64 tokens.
  const cachedText =
    run.createdAtMs > 0 && conversation.all().length > 2 ? (textTokens >> 6) << 6 : 0;
  const cachedAudio = cachedText > 0 ? (audioTokens >> 6) << 6 : 0;
  const totals = {
    total_tokens: textTokens + audioTokens + spoken + written,
    input_tokens: textTokens + audioTokens,
    output_tokens: spoken + written,
  };
  if (kind === "bare") return totals;
  return {
    ...totals,
    input_token_details: {
      text_tokens: textTokens,
      audio_tokens: audioTokens,
      image_tokens: 0,
      cached_tokens: cachedText + cachedAudio,
      cached_tokens_details: {
        text_tokens: cachedText,
        audio_tokens: cachedAudio,
        image_tokens: 0,
      },
    },
    output_token_details: { text_tokens: written, audio_tokens: spoken },
  };
}
