import { describe, expect, it } from "vitest";
import { BACKLOG_LIMIT_BYTES, UplinkBacklog } from "../../src/playout/uplink-backlog.js";

const FRAME = 160;

function drained(backlog: UplinkBacklog): number[] {
  const values: number[] = [];
  backlog.drain((ulaw) => values.push(ulaw[0]!));
  return values;
}

describe("UplinkBacklog", () => {
  it("hands everything out once, oldest first", () => {
    const backlog = new UplinkBacklog();
    for (const value of [7, 8, 9]) backlog.push(new Uint8Array(FRAME).fill(value), 0, FRAME);
    expect(backlog.bytes).toBe(3 * FRAME);
    expect(drained(backlog)).toEqual([7, 8, 9]);
    expect(backlog.bytes).toBe(0);
    expect(drained(backlog)).toEqual([]);
  });

  it("keeps a copy: the caller's memory may be written again", () => {
    const backlog = new UplinkBacklog();
    const frame = new Uint8Array(FRAME + 4).fill(5);
    backlog.push(frame, 4, FRAME + 4);
    frame.fill(6);
    expect(drained(backlog)).toEqual([5]);
  });

  it("drops the oldest past ten seconds, and counts it", () => {
    const backlog = new UplinkBacklog();
    const frames = BACKLOG_LIMIT_BYTES / FRAME;
    for (let i = 0; i < frames + 2; i++)
      backlog.push(new Uint8Array(FRAME).fill(i & 0x7f), 0, FRAME);
    expect([backlog.bytes, backlog.droppedBytes]).toEqual([BACKLOG_LIMIT_BYTES, 2 * FRAME]);
    expect(drained(backlog)[0]).toBe(2);
  });

  it("is empty after clear", () => {
    const backlog = new UplinkBacklog();
    backlog.push(new Uint8Array(FRAME), 0, FRAME);
    backlog.clear();
    expect(backlog.bytes).toBe(0);
    expect(drained(backlog)).toEqual([]);
  });
});
