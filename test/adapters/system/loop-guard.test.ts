import { describe, expect, it } from "vitest";
import { LoopGuard } from "../../../src/adapters/system/loop-guard.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";

/** A clock whose timers are late by what a test lets the event loop be blocked for. */
function world() {
  const clock = new FakeClock();
  const fake = new FakeMetrics();
  let collected: (ms: number) => void = () => undefined;
  let blockedMs = 0;
  const late = {
    ...clock,
    nowMs: () => clock.nowMs() + blockedMs,
    epochMs: () => clock.epochMs(),
    after: (ms: number, run: () => void) => clock.after(ms, run),
  };
  const guard = new LoopGuard({
    clock: late,
    metrics: fake.metrics,
    watchGc: (told) => {
      collected = told;
      return () => {
        collected = () => undefined;
      };
    },
  });
  const blocks = (cause: string) => fake.count("eventLoopBlocks", { cause });
  return {
    clock,
    fake,
    guard,
    blocks,
    collect: (ms: number) => collected(ms),
    block: (ms: number) => {
      blockedMs += ms;
    },
  };
}

describe("the guard of the event loop", () => {
  it("reports work of 5 ms and more by its cause, and nothing shorter", () => {
    const { guard, block, blocks } = world();
    for (const ms of [0, 4.9, 5, 30]) {
      const startedMs = guard.start();
      block(ms);
      guard.end("http", startedMs);
    }
    expect(blocks("http")).toBe(2);
    expect(blocks("model_message")).toBe(0);
  });

  it("measures how late a 100 ms timer is", () => {
    const { clock, fake, guard } = world();
    const end = guard.watch();
    clock.advance(1000);
    expect(fake.count("eventLoopLag")).toBe(10);
    end();
    expect(clock.pending).toBe(0);
  });

  it("calls a delay that no known work explains `other`", () => {
    const { clock, guard, block, blocks } = world();
    guard.watch();
    clock.advance(50);
    block(40);
    clock.advance(200);
    expect(blocks("other")).toBe(1);
    clock.advance(1000);
    expect(blocks("other")).toBe(1);
  });

  it("does not count known work and garbage collections twice", () => {
    const { clock, guard, block, blocks, collect } = world();
    guard.watch();
    clock.advance(50);
    const startedMs = guard.start();
    block(20);
    guard.end("media_message", startedMs);
    block(20);
    clock.advance(60);
    // V8 reports it after the sample that it delayed.
    collect(20);
    clock.advance(1000);
    expect([blocks("media_message"), blocks("gc"), blocks("other")]).toEqual([1, 1, 0]);
  });
});
