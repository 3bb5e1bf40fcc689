import { describe, expect, it } from "vitest";
import type { TwilioCallStatus } from "../../src/domain/call-status.js";
import { type ErrorCode, RelayError } from "../../src/domain/errors.js";
import type { CallControl } from "../../src/ports/twilio.js";
import { TransferRequests } from "../../src/transfer/transfer-requests.js";
import { sid } from "../fakes/call-bench.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const fault = (code: ErrorCode): RelayError => new RelayError(code, code);

function requests(control: Partial<CallControl>) {
  const clock = new FakeClock();
  const log = new FakeLog();
  const seen: unknown[] = [];
  const note = (what: string) => (value?: unknown) =>
    void seen.push(value === undefined ? what : [what, value]);
  return {
    clock,
    log,
    seen,
    note,
    requests: new TransferRequests(sid(1), { control: control as CallControl, clock, log }),
  };
}

const call = { to: "+12025550122", from: "+12025550199", statusCallback: "https://x.example/" };

describe("a request of a transfer", () => {
  it("ends by done or by failed, and leaves no timer", async () => {
    let code: ErrorCode | null = null;
    const {
      requests: ours,
      seen,
      note,
      clock,
    } = requests({
      redirect: async () => {
        if (code !== null) throw fault(code);
      },
    });
    ours.redirect(() => [], note("done"), note("failed"));
    await settle();
    code = "twilio_busy";
    ours.redirect(() => [], note("done"), note("failed"));
    await settle();
    expect(seen).toEqual(["done", ["failed", "twilio_busy"]]);
    expect(clock.pending).toBe(0);
  });

  it("fails when its document cannot be made, and the fault is logged as ours", async () => {
    const { requests: ours, seen, note, log } = requests({ redirect: async () => undefined });
    ours.redirect(
      () => {
        throw new Error("a bug");
      },
      note("done"),
      note("failed"),
    );
    await settle();
    expect(seen).toEqual([["failed", "internal"]]);
    expect(log.lines.filter((line) => line.startsWith("error"))).toHaveLength(1);
  });

  it("that hangs is given up after 12 s, and may still be done after that", async () => {
    let answer: () => void = () => undefined;
    const {
      requests: ours,
      seen,
      note,
      clock,
    } = requests({
      redirect: () => new Promise<void>((resolve) => (answer = resolve)),
    });
    ours.redirect(() => [], note("done"), note("failed"));
    await settle();
    clock.advance(11_999);
    expect(seen).toEqual([]);
    clock.advance(1);
    expect(seen).toEqual([["failed", "twilio_timeout"]]);
    answer();
    await settle();
    expect(seen).toEqual([["failed", "twilio_timeout"], "done"]);
    expect(clock.pending).toBe(0);
  });

  it("that was given up does not fail a second time", async () => {
    let reject: (error: Error) => void = () => undefined;
    const {
      requests: ours,
      seen,
      note,
      clock,
    } = requests({
      redirect: () => new Promise<void>((_resolve, rejects) => (reject = rejects)),
    });
    ours.redirect(() => [], note("done"), note("failed"));
    await settle();
    clock.advance(12_000);
    reject(fault("twilio_unavailable"));
    await settle();
    expect(seen).toEqual([["failed", "twilio_timeout"]]);
  });
});

describe("a question", () => {
  it("is answered once: by the status, by its absence, or by nothing", async () => {
    let answer: TwilioCallStatus | ErrorCode = "in-progress";
    const {
      requests: ours,
      seen,
      note,
    } = requests({
      status: async () => {
        if (answer === "caller_gone" || answer === "twilio_busy") throw fault(answer);
        return answer as TwilioCallStatus;
      },
    });
    for (const next of ["in-progress", "caller_gone", "twilio_busy"] as const) {
      answer = next;
      ours.callerStatus(note("caller"));
      ours.consultStatus(sid(2), note("consult"));
      await settle();
    }
    expect(seen).toEqual([
      ["caller", "in-progress"],
      ["consult", "in-progress"],
      ["caller", "completed"],
      ["consult", "failed"],
      ["caller", null],
      ["consult", null],
    ]);
  });

  it("whether a leg exists may have no answer", async () => {
    let found: readonly object[] | null = [{}];
    const {
      requests: ours,
      seen,
      note,
    } = requests({
      findCalls: async () => {
        if (found === null) throw fault("twilio_unavailable");
        return found as never;
      },
    });
    for (const next of [[{}], [], null]) {
      found = next;
      ours.findCalls("+12025550122", 0, note("exists"));
      await settle();
    }
    expect(seen).toEqual([
      ["exists", true],
      ["exists", false],
      ["exists", null],
    ]);
  });
});

describe("the creation of a consult leg", () => {
  function created(refused: ErrorCode) {
    const from: string[] = [];
    const made = requests({
      createCallWithTwiml: async (asked) => {
        from.push(asked.from);
        if (from.length === 1) throw fault(refused);
        return sid(9);
      },
    });
    return { ...made, from };
  }

  it("is tried with the second caller ID when Twilio refuses the first", async () => {
    const { requests: ours, seen, note, from } = created("twilio_rejected");
    ours.createConsultLeg(
      call,
      { ...call, from: "+12025550177" },
      [],
      note("done"),
      note("failed"),
    );
    await settle();
    expect(from).toEqual(["+12025550199", "+12025550177"]);
    expect(seen).toEqual([["done", sid(9)]]);
  });

  it.each<[ErrorCode, boolean]>([
    ["twilio_rejected", false],
    ["twilio_timeout", true],
  ])("is not tried again after %s (a second caller ID: %s)", async (code, second) => {
    const { requests: ours, seen, note, from } = created(code);
    ours.createConsultLeg(call, second ? call : null, [], note("done"), note("failed"));
    await settle();
    expect(from).toHaveLength(1);
    expect(seen).toEqual([["failed", code]]);
  });
});

describe("hanging up a leg", () => {
  function hangingUp(codes: ErrorCode[]) {
    let tries = 0;
    const made = requests({
      hangUp: async () => {
        tries++;
        const code = codes.shift();
        if (code !== undefined) throw fault(code);
      },
    });
    const pass = async (ms: number): Promise<number> => {
      await settle();
      made.clock.advance(ms);
      await settle();
      return tries;
    };
    return { ...made, pass };
  }

  it("is tried again, five times in all, with growing pauses", async () => {
    const { requests: ours, pass, log } = hangingUp(Array(9).fill("twilio_unavailable"));
    ours.hangUp(sid(2));
    const tries = [];
    for (const ms of [1_000, 2_000, 3_000, 4_000, 60_000]) tries.push(await pass(ms));
    expect(tries).toEqual([2, 3, 4, 5, 5]);
    expect(log.lines.filter((line) => line.startsWith("warn"))).toHaveLength(1);
  });

  it("has succeeded when the leg is gone already", async () => {
    const { requests: ours, pass, log } = hangingUp(["caller_gone"]);
    ours.hangUp(sid(2));
    expect(await pass(60_000)).toBe(1);
    expect(log.lines).toEqual([]);
  });

  it("leaves no timer once closed", async () => {
    const { requests: ours, pass, clock } = hangingUp(Array(9).fill("twilio_unavailable"));
    ours.hangUp(sid(2));
    await settle();
    ours.close();
    expect(clock.pending).toBe(0);
    expect(await pass(60_000)).toBe(1);
  });
});
