import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maxEventBytes, readEventHead, SMALL_EVENT_BYTES } from "../../src/wire/realtime-head.js";
import { bytesOf } from "./json-text.js";

const head = (text: string) => readEventHead(bytesOf(text));
const BIG = `[${"1,".repeat(500_000)}1]`;

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += bytes[i]!;
  return sum;
}

function bestOf(run: () => unknown): number {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const startedMs = performance.now();
    run();
    bestMs = Math.min(bestMs, performance.now() - startedMs);
  }
  return bestMs;
}

describe("readEventHead", () => {
  it("finds type and ids at the start of an event, whatever follows", () => {
    expect(
      head(
        `{"type":"response.done","event_id":"e","response":{"object":"realtime.response",` +
          `"id":"resp_1","status":"completed","output":${BIG}}}`,
      ),
    ).toEqual({
      type: "response.done",
      itemId: null,
      responseId: "resp_1",
      status: "completed",
    });
    expect(
      head(`{"type":"response.mcp_call.completed","item_id":"item_1","x":"${"y".repeat(1e6)}"}`),
    ).toMatchObject({ type: "response.mcp_call.completed", itemId: "item_1" });
  });

  it("finds a type that stands last, and last but the event's id", () => {
    expect(head(`{"x":${BIG},"type":"error"}`).type).toBe("error");
    expect(head(`{"x":${BIG},"type":"error","event_id":"event_1"} `).type).toBe("error");
  });

  it("tells no type where none stands at either end", () => {
    expect(head(`{"x":${BIG},"type":"error","y":${BIG}}`).type).toBeNull();
    expect(head("").type).toBeNull();
    expect(head(`{"x":${BIG}}`).type).toBeNull();
  });

  it.each([
    ['{"error":{"type":"response.done"},"x":1}'],
    ['{"a":[{"type":"response.done"}]}'],
    ['{"a":"\\"type\\":\\"response.done\\""}'],
    ['{"a":{"b":"x\\",\\"type\\":\\"response.done"}}'],
    ['[{"type":"response.done"}]'],
    ['{"a":["type","response.done"]}'],
    ['{"a":{"type":"response.done"}}'],
  ])("does not take a nested type for that of the event: %s", (text) => {
    JSON.parse(text);
    expect(head(text).type).toBeNull();
  });

  it("finds what JSON.parse finds, in any event that begins with its own fields", () => {
    const word = fc.string({ unit: fc.constantFrom(..."abc._019"), minLength: 1, maxLength: 20 });
    const event = fc.record({
      first: fc.jsonValue({ maxDepth: 2 }),
      type: word,
      item_id: word,
      response: fc.record({ output: fc.jsonValue({ maxDepth: 3 }), id: word, status: word }),
      last: fc.jsonValue(),
    });
    fc.assert(
      fc.property(event, (value) => {
        const found = head(JSON.stringify(value));
        expect(found).toEqual({
          type: value.type,
          itemId: value.item_id,
          responseId: value.response.id,
          status: value.response.status,
        });
      }),
    );
  });

  it("takes bounded time, however large and however nested the event is", () => {
    const events = [
      bytesOf(`{"x":${"[".repeat(4e6)}`),
      bytesOf(`{"x":"${'\\"'.repeat(4e6)}"`),
      bytesOf(" ".repeat(8e6)),
      bytesOf(`{"a":${`{"b":`.repeat(1e6)}`),
    ];
    for (const bytes of events) {
      // Measured against a bare look at each byte: the machine may be busy with other things.
      const eachMs = bestOf(() => sumOf(bytes));
      expect(bestOf(() => readEventHead(bytes))).toBeLessThan(eachMs);
    }
  });
});

describe("maxEventBytes", () => {
  it("allows every type what is parsed without a look, and audio five minutes", () => {
    for (const type of ["error", "response.done", "unheard.of", "toString"])
      expect(maxEventBytes(type)).toBeGreaterThanOrEqual(SMALL_EVENT_BYTES);
    const fiveMinutesInBase64 = (5 * 60 * 8_000 * 4) / 3;
    expect(maxEventBytes("response.output_audio.delta")).toBeGreaterThan(fiveMinutesInBase64);
  });
});
