import type { CallRecord, RecordedUsage } from "../domain/call-record.js";
import type { TokenUsage } from "../domain/record-event.js";

/** USD per million tokens. */
export interface TokenPrices {
  readonly inputText: number;
  readonly inputAudio: number;
  readonly inputImage: number;
  readonly cachedText: number;
  readonly cachedAudio: number;
  readonly cachedImage: number;
  readonly outputText: number;
  readonly outputAudio: number;
}

/** The price of transcription in USD: per minute of audio, per million tokens, or both. */
export interface TranscriptionPrices {
  readonly perMinute: number;
  readonly perMillionTokens: number;
}

export interface PriceTable {
  /** The day on which the prices were looked up, ISO 8601. */
  readonly asOf: string;
  readonly models: ReadonlyMap<string, TokenPrices>;
  readonly transcription: ReadonlyMap<string, TranscriptionPrices>;
}

/**
 * The cost of a model's tokens in USD; null when the table has no price for the model. Cached
 * tokens are included in the input tokens; each is charged once, at the cached price. A dated model
 * name (`gpt-realtime-2025-08-28`) has the price of the undated one unless it is listed itself.
 */
export function tokenCostUsd(model: string, tokens: TokenUsage, table: PriceTable): number | null {
  const price = priceOf(model, table.models);
  if (price === null) return null;
  const micro =
    (tokens.inputText - tokens.cachedText) * price.inputText +
    tokens.cachedText * price.cachedText +
    (tokens.inputAudio - tokens.cachedAudio) * price.inputAudio +
    tokens.cachedAudio * price.cachedAudio +
    (tokens.inputImage - tokens.cachedImage) * price.inputImage +
    tokens.cachedImage * price.cachedImage +
    tokens.outputText * price.outputText +
    tokens.outputAudio * price.outputAudio;
  return micro / 1e6;
}

/** What a transcription model reports of its work; either may be 0. */
export interface TranscriptionUse {
  readonly tokens: number;
  readonly seconds: number;
}

/** The cost of transcription in USD; null when the table has no price for the model. */
export function transcriptionCostUsd(
  model: string,
  use: TranscriptionUse,
  table: PriceTable,
): number | null {
  const price = priceOf(model, table.transcription);
  if (price === null) return null;
  return (use.seconds / 60) * price.perMinute + (use.tokens / 1e6) * price.perMillionTokens;
}

/**
 * The cost of a call in USD, rounded to a millionth, and the models that it does not include
 * because the table has no price for them. The cost is null when no model that was used has a
 * price.
 */
export function costOf(
  usage: RecordedUsage,
  table: PriceTable,
): { readonly costUsd: number | null; readonly unpriced: readonly string[] } {
  const costs: number[] = [];
  const unpriced: string[] = [];
  const add = (model: string, cost: number | null) => {
    if (cost === null) unpriced.push(model);
    else costs.push(cost);
  };
  for (const [model, tokens] of Object.entries(usage.models))
    add(model, tokenCostUsd(model, tokens, table));
  for (const [model, use] of Object.entries(usage.transcription)) {
    add(model, transcriptionCostUsd(model, use, table));
  }
  if (costs.length === 0 && unpriced.length > 0) return { costUsd: null, unpriced };
  return { costUsd: Math.round(costs.reduce((sum, cost) => sum + cost, 0) * 1e6) / 1e6, unpriced };
}

/** The record with its cost. */
export function priced(record: CallRecord, table: PriceTable): CallRecord {
  return { ...record, ...costOf(record.usage, table) };
}

function priceOf<Price>(model: string, prices: ReadonlyMap<string, Price>): Price | null {
  return prices.get(model) ?? prices.get(model.replace(/-\d{4}-\d{2}-\d{2}$/, "")) ?? null;
}
