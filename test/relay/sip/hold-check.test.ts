import { describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallContext } from "../../../src/relay/call/call-path.js";
import { HoldCheck } from "../../../src/relay/sip/hold-check.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { SID, settle } from "../../fakes/sip-bench.js";

const unavailable = () => Promise.reject(new RelayError("twilio_unavailable", ""));

/** @param answers  of Twilio, one after the other; the last one repeats. */
function stage(...answers: readonly (() => Promise<boolean>)[]) {
  const clock = new FakeClock();
  const log = new FakeLog();
  const call = { parties: { callSid: SID }, deps: { clock }, log } as unknown as CallContext;
  const askedMs: number[] = [];
  const isOnHold = async (room: string, who: string): Promise<boolean> => {
    expect([room, who]).toEqual([`murelay-${SID}`, "customer"]);
    const answer = answers[Math.min(askedMs.push(clock.nowMs()), answers.length) - 1]!;
    return await answer();
  };
  let held = 0;
  const check = new HoldCheck(call, { isOnHold }, "customer");
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 500) {
      clock.advance(500);
      await settle();
    }
  };
  return {
    check,
    log,
    askedMs,
    pass,
    clock,
    begin: () => check.begin(() => held++),
    held: () => held,
  };
}

describe("a participant whom Twilio has agreed to take off hold", () => {
  it.each([
    [true, 1],
    [false, 0],
  ])("is asked after once: still on hold: %s", async (isHeld, told) => {
    const { begin, askedMs, pass, held, clock } = stage(async () => isHeld);
    begin();
    await pass(60_000);
    expect([askedMs, held(), clock.pending]).toEqual([[1_500], told, 0]);
  });

  it("is asked after again where there is no answer, three times in all", async () => {
    const { begin, askedMs, pass, held, log } = stage(unavailable);
    begin();
    await pass(60_000);
    expect([askedMs, held()]).toEqual([[1_500, 2_500, 6_500], 0]);
    expect(log.lines).toHaveLength(1);
    const late = stage(unavailable, async () => true);
    late.begin();
    await late.pass(60_000);
    expect([late.askedMs, late.held()]).toEqual([[1_500, 2_500], 1]);
  });

  it("is not asked after once it is gone, or the check is called off or begun anew", async () => {
    const gone = stage(() => Promise.reject(new RelayError("caller_gone", "")));
    gone.begin();
    await gone.pass(60_000);
    expect([gone.askedMs, gone.held(), gone.log.lines]).toEqual([[1_500], 0, []]);
    const off = stage(async () => true);
    off.begin();
    await off.pass(1_000);
    off.check.cancel();
    await off.pass(60_000);
    expect([off.askedMs, off.held()]).toEqual([[], 0]);
    let answer: (isOnHold: boolean) => void = () => undefined;
    const anew = stage(() => new Promise((resolve) => (answer = resolve)));
    anew.begin();
    await anew.pass(1_500);
    anew.begin();
    answer(true);
    await settle();
    expect(anew.held()).toBe(0);
  });
});
