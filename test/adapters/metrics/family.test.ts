import { describe, expect, it } from "vitest";
import { HistogramFamily, ValueFamily } from "../../../src/adapters/metrics/family.js";
import { label, type MetricDefinition, openLabel } from "../../../src/domain/metric-definition.js";

const definition = (changes: Partial<MetricDefinition>): MetricDefinition => ({
  name: "some_total",
  kind: "counter",
  help: "",
  labels: [],
  note: "",
  ...changes,
});

/** Label values joined by "/" → the numbers of that series. */
function series(family: ValueFamily | HistogramFamily, width = 1): Record<string, number[]> {
  const { labels, values } = family.snapshot();
  return Object.fromEntries(
    labels.map((names, slot) => [
      names.join("/"),
      [...values.slice(slot * width, (slot + 1) * width)],
    ]),
  );
}

describe("a family of values", () => {
  it("has one series without labels from the start", () => {
    expect(series(new ValueFamily(definition({})))).toEqual({ "": [0] });
  });

  it("presets every combination of closed labels when asked to", () => {
    const labels = [label("a", "x", "y"), label("b", "1", "2")];
    expect(Object.keys(series(new ValueFamily(definition({ labels, preset: true }))))).toEqual([
      "x/1",
      "x/2",
      "y/1",
      "y/2",
    ]);
    expect(series(new ValueFamily(definition({ labels })))).toEqual({});
  });

  it("keeps series of one, two and three labels apart", () => {
    const one = new ValueFamily(definition({ labels: [openLabel("a")] }));
    one.add(2, "x");
    one.add(3, "x");
    one.add(1, "y");
    expect(series(one)).toEqual({ x: [5], y: [1] });
    const three = new ValueFamily(
      definition({ labels: [openLabel("a"), openLabel("b"), openLabel("c")] }),
    );
    three.add(1, "x", "y", "z");
    three.add(4, "x", "y", "w");
    three.add(1, "x", "y", "z");
    expect(series(three)).toEqual({ "x/y/z": [2], "x/y/w": [4] });
  });

  it("never lets a counter go down or become NaN", () => {
    const family = new ValueFamily(definition({}));
    for (const amount of [5, -5, Number.NaN, 0]) family.add(amount);
    expect(series(family)).toEqual({ "": [5] });
  });

  it("sets a gauge, and moves it up and down", () => {
    const family = new ValueFamily(definition({ kind: "gauge" }));
    family.set(7);
    family.move(-2);
    family.move(1);
    expect(series(family)).toEqual({ "": [6] });
  });

  it.each([1, 2, 3])("puts the values of a label gone wild into one series (%i labels)", (n) => {
    const labels = ["a", "b", "c"].slice(0, n).map((name) => openLabel(name));
    const family = new ValueFamily(definition({ labels }));
    for (let i = 0; i < 5000; i++) family.add(1, `v${i}`, `w${i}`, "z");
    const found = series(family);
    expect(Object.keys(found)).toHaveLength(257);
    expect(found[Array(n).fill("other").join("/")]).toEqual([5000 - 256]);
  });

  it("takes a snapshot that later counts do not change", () => {
    const family = new ValueFamily(definition({}));
    family.add(1);
    const before = family.snapshot();
    family.add(1);
    expect([...before.values]).toEqual([1]);
  });
});

describe("a family of histograms", () => {
  it("sorts values into buckets, bounds included, and sums them", () => {
    const family = new HistogramFamily(definition({ kind: "histogram", buckets: [1, 2, 5] }));
    for (const value of [1, 1.01, 5, 6, -1, Number.NaN]) family.observe(value);
    expect(series(family, 5)).toEqual({ "": [2, 1, 1, 1, 13.01] });
  });

  it("keeps its numbers when further series make it grow", () => {
    const family = new HistogramFamily(
      definition({ kind: "histogram", labels: [openLabel("a")], buckets: [1] }),
    );
    for (let i = 0; i < 100; i++) family.observe(i, `v${i}`);
    const found = series(family, 3);
    expect(found["v0"]).toEqual([1, 0, 0]);
    expect(found["v99"]).toEqual([0, 1, 99]);
  });
});
