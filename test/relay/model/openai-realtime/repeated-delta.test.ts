import { describe, expect, it } from "vitest";
import { RepeatedDelta } from "../../../../src/relay/model/openai-realtime/repeated-delta.js";
import { DeltaScan, scanDelta } from "../../../../src/wire/realtime-audio.js";

const scan = new DeltaScan();

function sameAs(last: RepeatedDelta, eventId: string | null, delta: string): boolean {
  const event = {
    type: "response.output_audio.delta",
    ...(eventId === null ? {} : { event_id: eventId }),
    ...{ response_id: "r1", item_id: "i1", output_index: 0, content_index: 0, delta },
  };
  const bytes = new TextEncoder().encode(JSON.stringify(event));
  expect(scanDelta(bytes, scan)).toBe(true);
  return last.isSame(bytes, scan);
}

describe("a delta", () => {
  it.each([
    ["twice", ["e1", "AAAA"], ["e1", "AAAA"], true],
    ["with another id", ["e1", "AAAA"], ["e2", "AAAA"], false],
    ["with a longer id", ["e1", "AAAA"], ["e12", "AAAA"], false],
    ["with the same id and other contents", ["e1", "AAAA"], ["e1", "AAAB"], false],
    ["with the same id and more contents", ["e1", "AAAA"], ["e1", "AAAAAAAA"], false],
    ["without an id", [null, "AAAA"], [null, "AAAA"], false],
    ["with a very long id", ["e".repeat(65), "AAAA"], ["e".repeat(65), "AAAA"], false],
    ["with an id that just fits", ["e".repeat(64), "AAAA"], ["e".repeat(64), "AAAA"], true],
  ] as const)("%s", (_, [firstId, first], [secondId, second], isSame) => {
    const last = new RepeatedDelta();
    for (const id of ["one", "two"]) expect(sameAs(last, id, "AAAA")).toBe(false);
    expect(sameAs(last, firstId, first)).toBe(false);
    expect(sameAs(last, secondId, second)).toBe(isSame);
  });

  it("is none of a server whose deltas all have one id", () => {
    const last = new RepeatedDelta();
    const deltas = ["a", "a", "a", "a"].map((id) => sameAs(last, id, "AAAA"));
    expect(deltas).toEqual([false, false, false, false]);
  });

  it("is compared with the one before it only, however often it comes", () => {
    const last = new RepeatedDelta();
    const deltas = ["a", "b", "b", "b", "c", "c", "b"].map((id) =>
      sameAs(last, id, "A".repeat(4_000)),
    );
    expect(deltas).toEqual([false, false, true, true, false, true, false]);
  });
});
