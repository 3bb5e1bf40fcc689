import type { CallMetrics } from "../ports.js";
import type { TokenUsage } from "../records/record-event.js";

/** Counts the tokens of one response, each kind for itself. */
export function countTokens(metrics: Pick<CallMetrics, "tokens">, model: string, tokens: TokenUsage): void {
  metrics.tokens(model, "input_text", tokens.inputText);
  metrics.tokens(model, "input_audio", tokens.inputAudio);
  metrics.tokens(model, "input_image", tokens.inputImage);
  metrics.tokens(model, "cached_text", tokens.cachedText);
  metrics.tokens(model, "cached_audio", tokens.cachedAudio);
  metrics.tokens(model, "cached_image", tokens.cachedImage);
  metrics.tokens(model, "output_text", tokens.outputText);
  metrics.tokens(model, "output_audio", tokens.outputAudio);
}
