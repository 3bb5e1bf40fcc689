import type { ResponseUsage } from "./realtime-objects.js";

/** The tokens of one response by price class. A number that the API left out counts as 0. */
export interface UsageTokens {
  readonly inputText: number;
  readonly inputAudio: number;
  readonly inputImage: number;
  /** Cached tokens are a subset of the input tokens, not an addition to them. */
  readonly cachedText: number;
  readonly cachedAudio: number;
  readonly cachedImage: number;
  readonly outputText: number;
  readonly outputAudio: number;
}

/**
 * Sorts the usage of `response.done` by price class. When the cached tokens come as one number
 * only, they count as text as far as there is text, then as audio, then as images. No class has
 * more cached tokens than tokens: the response would cost less than nothing.
 */
export function usageToTokens(usage: ResponseUsage): UsageTokens {
  const inputText = usage.input?.textTokens ?? 0;
  const inputAudio = usage.input?.audioTokens ?? 0;
  const inputImage = usage.input?.imageTokens ?? 0;
  const unsorted = usage.cached === null ? (usage.cachedTokens ?? 0) : 0;
  const unsortedText = Math.min(unsorted, inputText);
  const unsortedAudio = Math.min(unsorted - unsortedText, inputAudio);
  const unsortedImage = Math.min(unsorted - unsortedText - unsortedAudio, inputImage);
  return {
    inputText,
    inputAudio,
    inputImage,
    cachedText: Math.min(usage.cached?.textTokens ?? unsortedText, inputText),
    cachedAudio: Math.min(usage.cached?.audioTokens ?? unsortedAudio, inputAudio),
    cachedImage: Math.min(usage.cached?.imageTokens ?? unsortedImage, inputImage),
    outputText: usage.output?.textTokens ?? 0,
    outputAudio: usage.output?.audioTokens ?? 0,
  };
}
