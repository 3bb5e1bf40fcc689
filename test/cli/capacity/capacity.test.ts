import { describe, expect, it } from "vitest";
import { capacityFor, type Demand, usagePerMinute } from "../../../src/cli/capacity/capacity.js";
import { readPriceTable } from "../../../src/config/agents/price-table.js";

const demand: Demand = {
  calls: 600,
  minutesPerCall: 2,
  responsesPerMinute: 6,
  callsPerCore: 1_000,
  model: "gpt-realtime-2.1",
};
const prices = readPriceTable();

describe("capacityFor", () => {
  it("plans a worker with 60 % of a core, and one core beside the workers", () => {
    expect(capacityFor(demand, prices)).toMatchObject({
      callsPerWorker: 600,
      workers: 1,
      cores: 2,
    });
    const more = capacityFor({ ...demand, calls: 601 }, prices);
    expect(more).toMatchObject({ workers: 2, cores: 3 });
  });

  it("plans at least one call per worker", () => {
    const slow = capacityFor({ ...demand, calls: 3, callsPerCore: 1 }, prices);
    expect(slow).toMatchObject({ callsPerWorker: 1, workers: 3 });
  });

  it("follows from the figures of docs/scaling.md", () => {
    const needed = capacityFor(demand, prices);
    expect(needed).toMatchObject({
      sockets: 2_400,
      relayMbit: 300,
      callStartsPerSecond: 5,
      modelResponsesPerMinute: 3_600,
      // 600 / 15 s, and 5 calls/s × (4 + 2 + 24 turns).
      databaseRowsPerSecond: 40 + 150,
    });
    expect(needed.balancerMbit).toBeCloseTo(210);
    expect(needed.memoryMb).toBeCloseTo(70 + 100 + (600 * 108) / 1024);
    // 15,500 tokens per minute and call, and the text of the answers.
    expect(needed.modelTokensPerMinute).toBe(600 * 15_575);
  });

  it("has no cost for a model without a price", () => {
    expect(capacityFor({ ...demand, model: "none" }, prices).modelUsdPerHour).toBeNull();
  });

  it("charges what is new at the full price and the rest as cached", () => {
    const needed = capacityFor({ ...demand, calls: 1 }, prices);
    const perMinute = (6_000 * 0.4 + 8_300 * 0.4 + 700 * 32 + 75 * 24 + 500 * 64) / 1_000_000;
    expect(needed.modelUsdPerHour).toBeCloseTo(perMinute * 60, 6);
    expect(needed.transcriptionUsdPerHour).toBeCloseTo((0.017 / 3) * 60, 6);
  });
});

describe("usagePerMinute", () => {
  it("never has more cached tokens than input tokens", () => {
    const { inputAudio, cachedAudio } = usagePerMinute(0.1);
    expect(cachedAudio).toBeLessThanOrEqual(inputAudio);
    expect(cachedAudio).toBeGreaterThanOrEqual(0);
  });
});
