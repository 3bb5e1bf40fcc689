import { describe, expect, it } from "vitest";
import { Histogram } from "../../bench/load/histogram.js";
import { SilenceWatch } from "../../bench/load/silence-watch.js";

function watched(act: (watch: SilenceWatch) => void): { readonly count: number; maxMs: number } {
  const silences = new Histogram();
  act(new SilenceWatch(silences));
  return { count: silences.count, maxMs: silences.maxMs };
}

describe("SilenceWatch", () => {
  it("measures from the last sound or word to the next sound", () => {
    const found = watched((watch) => {
      watch.silent(1000);
      watch.silent(1000);
      watch.over(3500);
    });
    expect(found).toEqual({ count: 1, maxMs: 2500 });
  });

  it("counts nothing while there was no silence", () => {
    expect(watched((watch) => watch.over(500))).toEqual({ count: 0, maxMs: 0 });
  });

  it("begins anew after each sound", () => {
    const found = watched((watch) => {
      watch.silent(0);
      watch.over(700);
      watch.silent(900);
      watch.over(1000);
    });
    expect(found).toEqual({ count: 2, maxMs: 700 });
  });
});
