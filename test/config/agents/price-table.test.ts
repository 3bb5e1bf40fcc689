import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readPriceTable } from "../../../src/config/agents/price-table.js";
import { costOf, transcriptionCostUsd } from "../../../src/records/cost.js";

const directory = mkdtempSync(join(tmpdir(), "murelay-prices-"));
afterAll(() => rmSync(directory, { recursive: true }));

const write = (text: string): string => {
  const path = join(directory, "prices.yaml");
  writeFileSync(path, text);
  return path;
};

describe("the shipped price list", () => {
  const table = readPriceTable();

  it("has a price for every model of the default configuration", () => {
    const tokens = {
      inputText: 1,
      inputAudio: 1,
      inputImage: 0,
      cachedText: 0,
      cachedAudio: 0,
      cachedImage: 0,
      outputText: 1,
      outputAudio: 1,
      responses: 1,
    };
    const usage = {
      models: { "gpt-realtime-2.1": tokens },
      transcription: { "gpt-live-transcribe": { tokens: 0, seconds: 60 } },
    };
    const { costUsd, unpriced } = costOf(usage, table);
    expect(unpriced).toEqual([]);
    expect(costUsd).toBeCloseTo(0.017 + (4 + 32 + 24 + 64) / 1e6, 6);
  });

  it.each([
    ["gpt-live-transcribe", 0.017],
    ["gpt-realtime-whisper", 0.017],
    ["gpt-transcribe", 0.0045],
    ["whisper-1", 0.006],
  ])("charges %s by the minute: %d USD", (model, usd) => {
    expect(transcriptionCostUsd(model, { tokens: 0, seconds: 120 }, table)).toBeCloseTo(2 * usd, 9);
  });

  it("charges a model that reports tokens by its tokens", () => {
    const use = { tokens: 1_000_000, seconds: 0 };
    expect(transcriptionCostUsd("gpt-4o-transcribe", use, table)).toBe(6);
  });
});

describe("readPriceTable", () => {
  it("reads another file, in which missing prices are 0", () => {
    const path = write("as_of: 2026-01-01\nmodels: {m: {input_text: 1.5}}\n");
    const { asOf, models, transcription } = readPriceTable(path);
    expect([asOf, models.get("m")?.inputText, models.get("m")?.outputAudio]).toEqual([
      "2026-01-01",
      1.5,
      0,
    ]);
    expect(transcription.size).toBe(0);
  });

  it.each([
    ["a missing file", null, "cannot be read"],
    ["broken YAML", "models: [", "cannot be read"],
    ["an unknown key", "as_of: 2026-01-01\nmodels: {m: {input: 1}}\n", "models.m"],
    [
      "a negative price",
      "as_of: 2026-01-01\nmodels: {m: {input_text: -1}}\n",
      "models.m.input_text",
    ],
    ["no day", "as_of: soon\nmodels: {}\n", "as_of must be a day"],
  ])("names the fault: %s", (_, text, fault) => {
    const path = text === null ? join(directory, "none.yaml") : write(text);
    expect(() => readPriceTable(path)).toThrow(fault);
  });
});
