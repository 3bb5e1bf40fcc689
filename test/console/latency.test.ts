import { describe, expect, it } from "vitest";
import { answersOf } from "../../console/latency.js";

type Record = Parameters<typeof answersOf>[0];

const turn = (who: "caller" | "agent", startedMs: number, endedMs: number) =>
  ({ who, startedMs, endedMs }) as Record["turns"][number];
const tool = (name: string, atMs: number, ms: number) =>
  ({ name, atMs, ms }) as Record["tools"][number];

describe("the latency of answers by part", () => {
  it("counts to the first sound, through the tools, and from the last output to the next sound", () => {
    const turns = [
      turn("agent", 0, 900),
      turn("caller", 1_000, 2_000),
      turn("agent", 2_300, 2_800),
      turn("agent", 3_500, 5_000),
      turn("caller", 6_000, 7_000),
    ];
    expect(answersOf({ turns, tools: [tool("order_status", 3_200, 700)] })).toEqual([
      {
        atMs: 2_000,
        firstSoundMs: 300,
        tools: [{ name: "order_status", ms: 700 }],
        toolToSoundMs: 300,
      },
      { atMs: 7_000, firstSoundMs: null, tools: [], toolToSoundMs: null },
    ]);
  });

  it("is that of no answer before the caller has spoken", () => {
    expect(answersOf({ turns: [turn("agent", 0, 900)], tools: [] })).toEqual([]);
  });
});
