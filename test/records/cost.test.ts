import { describe, expect, it } from "vitest";
import { costOf, type PriceTable, tokenCostUsd } from "../../src/records/cost.js";

const ZERO = {
  inputText: 0,
  inputAudio: 0,
  inputImage: 0,
  cachedText: 0,
  cachedAudio: 0,
  cachedImage: 0,
  outputText: 0,
  outputAudio: 0,
};
const TABLE: PriceTable = {
  asOf: "2026-10-15",
  models: new Map([
    [
      "gpt-realtime",
      {
        inputText: 4,
        inputAudio: 32,
        inputImage: 5,
        cachedText: 0.4,
        cachedAudio: 0.4,
        cachedImage: 0.5,
        outputText: 16,
        outputAudio: 64,
      },
    ],
  ]),
  transcription: new Map([["whisper-1", { perMinute: 0.006, perMillionTokens: 0 }]]),
};

describe("tokenCostUsd", () => {
  it("charges cached tokens once, at the cached price", () => {
    // 80·4 + 320·0.4 + 280·32 + 320·0.4 + 60·16 + 160·64 = 20,736 millionths
    const tokens = {
      ...ZERO,
      inputText: 400,
      inputAudio: 600,
      cachedText: 320,
      cachedAudio: 320,
      outputText: 60,
      outputAudio: 160,
    };
    expect(tokenCostUsd("gpt-realtime", tokens, TABLE)).toBeCloseTo(0.020736, 9);
  });

  it("prices a dated model as the undated one, and no model that is not listed", () => {
    const tokens = { ...ZERO, outputAudio: 1_000_000 };
    expect(tokenCostUsd("gpt-realtime-2025-08-28", tokens, TABLE)).toBe(64);
    expect(tokenCostUsd("gpt-realtime-9", tokens, TABLE)).toBeNull();
  });
});

describe("costOf", () => {
  it("adds up models and transcription, and names what has no price", () => {
    const usage = {
      models: { "gpt-realtime": { ...ZERO, outputAudio: 1_000, responses: 1 } },
      transcription: {
        "whisper-1": { tokens: 0, seconds: 30 },
        "new-one": { tokens: 5, seconds: 0 },
      },
    };
    expect(costOf(usage, TABLE)).toEqual({ costUsd: 0.067, unpriced: ["new-one"] });
  });

  it("is null when nothing that was used has a price, and 0 when nothing was used", () => {
    const used = { models: { x: { ...ZERO, responses: 1 } }, transcription: {} };
    expect(costOf(used, TABLE)).toEqual({ costUsd: null, unpriced: ["x"] });
    expect(costOf({ models: {}, transcription: {} }, TABLE)).toEqual({ costUsd: 0, unpriced: [] });
  });
});
