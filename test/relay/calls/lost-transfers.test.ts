import { describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallSid } from "../../../src/domain/ids.js";
import type { PeerReply, PeerRequest } from "../../../src/relay/calls/cluster.js";
import { LostTransfers } from "../../../src/relay/calls/lost-transfers.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { settle } from "../../fakes/sip-bench.js";

function stage(
  options: {
    readonly known?: CallSid;
    readonly ask?: ((callSid: CallSid) => Promise<PeerReply | null>) | null;
    readonly recover?: (callSid: CallSid) => Promise<void>;
  } = {},
) {
  const clock = new FakeClock();
  const log = new FakeLog();
  const recovered: CallSid[] = [];
  const questions: PeerRequest[] = [];
  const { ask = async () => null } = options;
  const lost = new LostTransfers({
    transfers: {
      recover: async (callSid) => {
        recovered.push(callSid);
        await options.recover?.(callSid);
      },
    },
    calls: { knows: (callSid) => callSid === options.known },
    cluster:
      ask === null
        ? null
        : {
            ask: (callSid, request) => {
              questions.push(request);
              return ask(callSid);
            },
          },
    clock,
    log,
  });
  return { lost, clock, log, recovered, questions };
}

describe("the transfer of a call whose process died", () => {
  it("is taken up, also where this is the only process", async () => {
    for (const ask of [undefined, null]) {
      const { lost, recovered, questions } = stage(ask === null ? { ask } : {});
      lost.processLost(sid(1));
      await settle();
      expect(recovered).toEqual([sid(1)]);
      expect(questions).toEqual(ask === null ? [] : [{ kind: "known" }]);
    }
  });

  it("is left to the process that has taken it up before: this one or another", async () => {
    const here = stage({ known: sid(1) });
    const there = stage({ ask: async () => ({ kind: "done" }) });
    for (const { lost } of [here, there]) lost.processLost(sid(1));
    await settle();
    expect([here.recovered, there.recovered]).toEqual([[], []]);
  });

  it("waits for the one before, and is not harmed by its failure", async () => {
    const ends: (() => void)[] = [];
    const { lost, clock, log, recovered } = stage({
      recover: (callSid) =>
        callSid === sid(1)
          ? Promise.reject(new RelayError("internal", "x"))
          : new Promise((resolve) => void ends.push(resolve)),
    });
    for (const n of [1, 2, 3]) lost.processLost(sid(n));
    await settle();
    expect(recovered).toEqual([sid(1), sid(2)]);
    expect(log.lines).toHaveLength(1);
    ends[0]!();
    await settle();
    expect(recovered).toEqual([sid(1), sid(2), sid(3)]);
    // A fault of the relay's own would only be repeated.
    clock.advance(600_000);
    await settle();
    expect(recovered).toHaveLength(3);
  });

  it("is tried again while its state cannot be read, ever more rarely, for a while", async () => {
    const { lost, clock, recovered } = stage({
      recover: () => Promise.reject(new RelayError("store_unavailable", "x", { retryable: true })),
    });
    lost.processLost(sid(1));
    await settle();
    expect(recovered).toHaveLength(1);
    clock.advance(1_000);
    await settle();
    expect(recovered).toHaveLength(2);
    for (let n = 0; n < 100; n++) {
      clock.advance(10_000);
      await settle();
    }
    expect(recovered.length).toBeGreaterThan(8);
    expect(recovered.length).toBeLessThan(12);
  });
});
