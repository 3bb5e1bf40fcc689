import { describe, expect, it } from "vitest";
import { silence, speechLike } from "../../sim/audio/synth.js";
import { heardItem, heardMs } from "../../sim/twilio/heard.js";

const run = (startMs: number, ...chunks: Buffer[]) => {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return { startMs, bytes, chunks };
};

describe("what was heard of an item", () => {
  const item = speechLike(1000, 3);

  it("is the longest beginning of it that stands in what was played", () => {
    const stream = { playout: { runs: [run(0, silence(100), item.subarray(0, 3600))] } };
    expect(heardMs(stream, item)).toBe(450);
    expect(heardMs(stream, speechLike(500, 5))).toBeNull();
  });

  it("has its instants, across a gap in the playout", () => {
    const stream = {
      playout: {
        runs: [
          run(1000, silence(100), item.subarray(0, 1600)),
          run(1350, item.subarray(1600, 4000)),
        ],
      },
    };
    expect(heardItem(stream, item)).toEqual({
      heardMs: 500,
      startedAtMs: 1100,
      endedAtMs: 1650,
    });
  });
});
