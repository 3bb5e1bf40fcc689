import { describe, expect, it } from "vitest";
import {
  type BusMessage,
  decodeMessage,
  encodeMessage,
} from "../../../src/adapters/cluster/bus-message.js";
import type { SharedState } from "../../../src/ports/store.js";
import { testSid } from "../../fakes/record-events.js";

function memoryState() {
  const values = new Map<string, string>();
  const state = {
    putState: async (key: string, value: string) => values.set(key, value) === values,
    getState: async (key: string) => {
      const value = values.get(key);
      return value === undefined ? null : { value, version: 1 };
    },
    removeState: async (key: string) => void values.delete(key),
  } as Partial<SharedState> as SharedState;
  return { values, state };
}

const reply = (text: string): BusMessage => ({
  type: "answer",
  id: 1,
  answer: { kind: "twiml", twiml: [{ verb: "say", text }] },
});

describe("encodeMessage", () => {
  it("writes a short message into the notification", async () => {
    const { values, state } = memoryState();
    const message: BusMessage = { type: "moved", callSid: testSid(1) };
    const payload = await encodeMessage(message, state);
    expect(await decodeMessage(payload, state)).toEqual(message);
    expect(values.size).toBe(0);
  });

  it.each([
    ["ASCII", "x".repeat(8_000)],
    // 4,000 characters, 8,000 bytes.
    ["two bytes a character", "ä".repeat(4_000)],
  ])("stores a message that is too long, until it is read: %s", async (_, text) => {
    const { values, state } = memoryState();
    const payload = await encodeMessage(reply(text), state);
    expect(Buffer.byteLength(payload)).toBeLessThan(200);
    expect(values.size).toBe(1);
    expect(await decodeMessage(payload, state)).toEqual(reply(text));
    expect(values.size).toBe(0);
  });
});

describe("decodeMessage", () => {
  it("is null for a stored message that has expired", async () => {
    const { state } = memoryState();
    expect(await decodeMessage('{"type":"stored","key":"bus:1"}', state)).toBeNull();
  });

  it("throws for what is not JSON", async () => {
    await expect(decodeMessage("{", memoryState().state)).rejects.toThrow(SyntaxError);
  });
});
