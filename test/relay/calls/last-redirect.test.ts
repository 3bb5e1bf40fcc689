import { beforeEach, describe, expect, it } from "vitest";
import { listedPauses } from "../../../src/domain/backoff.js";
import { RelayError } from "../../../src/domain/errors.js";
import { lastRedirect } from "../../../src/relay/calls/last-redirect.js";
import type { Twiml } from "../../../src/wire/twiml.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { settle } from "../../fakes/sip-bench.js";

let clock: FakeClock;
let log: FakeLog;
/** What the next requests end with; without one they succeed. */
let errors: RelayError[];
let askedMs: number[];

beforeEach(() => {
  clock = new FakeClock();
  log = new FakeLog();
  errors = [];
  askedMs = [];
});

const failure = (code: RelayError["code"], retryable = false) =>
  new RelayError(code, code, { retryable });

async function moved(twiml: Twiml = [{ verb: "hangup" }]): Promise<boolean> {
  const redirect = async (): Promise<void> => {
    askedMs.push(clock.nowMs());
    const error = errors.shift();
    if (error !== undefined) throw error;
  };
  const deps = { control: { redirect }, clock, log };
  const pauses = listedPauses([100, 200]);
  const done = lastRedirect(sid(1), twiml, pauses, "call: not moved", deps);
  for (let n = 0; n < 40; n++) {
    await settle();
    clock.advance(10);
  }
  return await done;
}

describe("lastRedirect", () => {
  it.each([failure("twilio_busy", true), failure("twilio_timeout", true), failure("caller_gone")])(
    "asks again after %s",
    async (error) => {
      errors = [error, error];
      expect([await moved(), askedMs]).toEqual([true, [0, 100, 300]]);
      expect(log.lines).toEqual([]);
    },
  );

  it("gives up when the pauses are used up, and says so once", async () => {
    errors = Array(9).fill(failure("twilio_unavailable", true));
    expect([await moved(), askedMs.length]).toEqual([false, 3]);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toContain("call: not moved");
  });

  it("dials no one twice: the caller may be with a human by then", async () => {
    errors = [failure("twilio_timeout", true)];
    const target = { type: "number", e164: "+12025550123" } as const;
    expect([await moved([{ verb: "dial", target }]), askedMs]).toEqual([false, [0]]);
  });

  it("does not repeat what Twilio refuses for good", async () => {
    errors = [failure("twilio_rejected")];
    expect([await moved(), askedMs]).toEqual([false, [0]]);
  });

  it("counts a caller as gone when Twilio does not know them at any try", async () => {
    errors = Array(9).fill(failure("caller_gone"));
    expect([await moved(), askedMs.length, log.lines]).toEqual([true, 3, []]);
  });
});
