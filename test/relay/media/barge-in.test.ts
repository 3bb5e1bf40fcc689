import { describe, expect, it } from "vitest";
import { BargeIn } from "../../../src/relay/media/barge-in.js";

describe("BargeIn", () => {
  it("holds at the onset and is confirmed by the model", () => {
    const barge = new BargeIn(400);
    expect(barge.onset(1_000)).toBe(true);
    expect(barge.onset(1_020)).toBe(false);
    expect(barge.expired(1_399)).toBe(false);
    expect(barge.confirmed()).toBe(true);
    expect(barge.isPaused).toBe(false);
    expect(barge.expired(9_000)).toBe(false);
  });

  it("goes on after confirm_ms, once, when the model hears nothing", () => {
    const barge = new BargeIn(400);
    barge.onset(1_000);
    expect(barge.expired(1_400)).toBe(true);
    expect(barge.expired(1_420)).toBe(false);
    expect(barge.confirmed()).toBe(false);
  });

  it("trusts a line less with each pause that is not confirmed, and fully again after one that is", () => {
    const barge = new BargeIn(400);
    let nowMs = 0;
    const deafMs: number[] = [];
    for (let n = 0; n < 9; n++) {
      const fromMs = nowMs;
      while (!barge.onset(nowMs)) nowMs += 20;
      deafMs.push(nowMs - fromMs);
      nowMs += 400;
      expect(barge.expired(nowMs)).toBe(true);
    }
    expect(deafMs).toEqual([0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    barge.confirmed();
    expect(barge.onset(nowMs)).toBe(true);
  });

  it("forgets a hold whose audio is gone", () => {
    const barge = new BargeIn(400);
    barge.onset(0);
    barge.forget();
    expect(barge.expired(1_000)).toBe(false);
    expect(barge.onset(1_000)).toBe(true);
  });
});
