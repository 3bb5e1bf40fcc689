import { describe, expect, it } from "vitest";
import { FirstWorker } from "../../src/supervisor/first-worker.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { settle } from "../fakes/sip-bench.js";

function stage() {
  const clock = new FakeClock();
  const first = new FirstWorker(clock);
  let gone = 0;
  const ask = () => void first.wait()?.then(() => gone++);
  return { clock, first, ask, gone: () => gone };
}

describe("what comes before the first worker listens", () => {
  it("waits for it", async () => {
    const { clock, first, ask, gone } = stage();
    ask();
    ask();
    clock.advance(999);
    await settle();
    expect(gone()).toBe(0);
    first.listens();
    await settle();
    expect(gone()).toBe(2);
    clock.advance(10_000);
  });

  it("waits for a second at most", async () => {
    const { clock, ask, gone } = stage();
    ask();
    clock.advance(1_000);
    await settle();
    expect(gone()).toBe(1);
  });

  it("does not wait afterwards", () => {
    const { first } = stage();
    first.listens();
    first.listens();
    expect(first.wait()).toBeNull();
  });
});
