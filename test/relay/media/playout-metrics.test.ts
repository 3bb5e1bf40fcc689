import { describe, expect, it } from "vitest";
import { PlayoutMetrics } from "../../../src/relay/media/playout-metrics.js";
import { CallBench } from "../../fakes/call-bench.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";

describe("the metrics of the audio that waits", () => {
  it("sample it once a second, in seconds", () => {
    const metrics = new FakeMetrics();
    const playout = { waitingBytes: 12_000, underruns: 0 };
    const one = new PlayoutMetrics(playout, metrics.metrics);
    one.sample(0);
    one.sample(999);
    playout.waitingBytes = 0;
    one.sample(1_000);
    expect([metrics.count("playoutBuffer"), metrics.sum("playoutBuffer")]).toEqual([2, 1.5]);
  });

  it("count each underrun once", () => {
    const metrics = new FakeMetrics();
    const playout = { waitingBytes: 0, underruns: 0 };
    const one = new PlayoutMetrics(playout, metrics.metrics);
    one.countUnderruns();
    playout.underruns = 2;
    one.countUnderruns();
    one.countUnderruns();
    expect(metrics.count("underruns")).toBe(2);
  });

  it("are recorded while a call talks", async () => {
    const bench = new CallBench();
    const { model } = await bench.talk();
    model.created("r1");
    model.delta("r1", "i1", 80_000);
    bench.run(3_500);
    expect(bench.fake.count("playoutBuffer")).toBeGreaterThanOrEqual(3);
    expect(bench.fake.sum("playoutBuffer")).toBeGreaterThan(15);
  });
});
