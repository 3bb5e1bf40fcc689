import { describe, expect, it } from "vitest";
import { UplinkJoiner } from "../../src/playout/uplink-joiner.js";

const frame = (value: number): Uint8Array => new Uint8Array(164).fill(value, 2, 162);

describe("UplinkJoiner", () => {
  it("puts frames together in order, byte for byte", () => {
    const joiner = new UplinkJoiner(480);
    for (const value of [1, 2, 3]) expect(joiner.push(frame(value), 2, 162)).toBe(true);
    expect(joiner.length).toBe(480);
    const expected = [1, 2, 3].flatMap((value) => Array.from({ length: 160 }, () => value));
    expect([...joiner.bytes.subarray(0, joiner.length)]).toEqual(expected);
  });

  it("takes a frame whole or not at all", () => {
    const joiner = new UplinkJoiner(300);
    joiner.push(frame(1), 2, 162);
    expect(joiner.push(frame(2), 2, 162)).toBe(false);
    expect(joiner.length).toBe(160);
    expect(joiner.bytes[160]).toBe(0);
  });

  it("is empty after clear", () => {
    const joiner = new UplinkJoiner(160);
    joiner.push(frame(1), 2, 162);
    joiner.clear();
    expect(joiner.length).toBe(0);
    expect(joiner.push(frame(2), 2, 162)).toBe(true);
  });
});
