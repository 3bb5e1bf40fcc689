import { describe, expect, it } from "vitest";
import { Drain } from "../../../src/relay/calls/drain.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { silentLog } from "../../fakes/silent-log.js";

function setUp(delayMs: number) {
  const clock = new FakeClock();
  const steps: string[] = [];
  let emptied = (): void => {};
  const registry = {
    load: 3,
    announceDrain: () => void steps.push("announced"),
    beginDrain: () => void steps.push("begun"),
    drained: () =>
      new Promise<void>((resolve) => {
        emptied = resolve;
      }),
  };
  const drain = new Drain({ clock, log: silentLog, registry, delayMs, drainMs: 60_000 });
  const noted = (what: string, promise: Promise<void>) => void promise.then(() => steps.push(what));
  return { clock, steps, drain, noted, emptied: () => emptied() };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("draining a process", () => {
  it("takes callers for the delay, then refuses them, then waits for the running calls", async () => {
    const { clock, steps, drain, noted, emptied } = setUp(8_000);
    noted("empty", drain.empty());
    clock.advance(7_999);
    await settled();
    expect(steps).toEqual(["announced"]);
    clock.advance(1);
    await settled();
    expect(steps).toEqual(["announced", "begun"]);
    emptied();
    await settled();
    expect(steps).toEqual(["announced", "begun", "empty"]);
  });

  it("does not delay a SIGTERM that follows an operator's command", async () => {
    const { clock, steps, drain, noted } = setUp(8_000);
    noted("refused", drain.refuseCalls());
    clock.advance(5_000);
    noted("empty", drain.empty());
    clock.advance(3_000);
    await settled();
    expect(steps).toEqual(["announced", "begun", "refused"]);
    // Each step is taken once.
    noted("refused again", drain.refuseCalls());
    await settled();
    expect(steps).toEqual(["announced", "begun", "refused", "refused again"]);
  });

  it("without a delay refuses callers at once, and ends when the calls have had their time", async () => {
    const { clock, steps, drain, noted } = setUp(0);
    noted("empty", drain.empty());
    await settled();
    expect(steps).toEqual(["announced", "begun"]);
    clock.advance(60_000);
    await settled();
    expect(steps.at(-1)).toBe("empty");
  });

  it("delays nothing where another process has the place already", async () => {
    const { steps, drain, noted, emptied } = setUp(8_000);
    noted("retired", drain.retire());
    expect(steps).toEqual(["begun"]);
    emptied();
    await settled();
    expect(steps).toEqual(["begun", "retired"]);
  });
});
