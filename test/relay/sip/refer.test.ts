import { describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import type { RecordEvent } from "../../../src/domain/record-event.js";
import type { TransferBy } from "../../../src/domain/transfer-request.js";
import type { CallCommand } from "../../../src/relay/call/call-command.js";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import { type ReferredCall, ReferTransfers } from "../../../src/relay/sip/refer.js";
import { REFER_MS } from "../../../src/transfer/destinations/refer.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { silentLog } from "../../fakes/silent-log.js";
import { settle } from "../../fakes/sip-bench.js";

function stage(error: RelayError | null = null, callId: string | null = "rtc_1") {
  const clock = new FakeClock();
  const metrics = new FakeMetrics();
  const events: RecordEvent[] = [];
  const commands: CallCommand[] = [];
  const referred: string[] = [];
  const refer = new ReferTransfers({
    clock,
    metrics: metrics.metrics,
    log: silentLog,
    sip: {
      refer: async (id, target) => {
        referred.push(`${id} ${target}`);
        if (error !== null) throw error;
      },
    },
  });
  const call: ReferredCall = {
    parties: {
      callSid: sid(1),
      from: "+15550001111",
      to: "+15550002222",
      direction: "inbound",
      callToken: null,
    },
    agent: agent(),
    path: { callId },
    eventLog: new CallEventLog(sid(1), { write: (_, event) => void events.push(event) }, () =>
      clock.nowMs(),
    ),
    execute: (command) => {
      commands.push(command);
      return null;
    },
  };
  const begin = (destination = "desk", by: TransferBy = "agent") =>
    refer.begin(call, { destination, reason: null, summary: null, urgency: null, by });
  const outcome = () => events.find((event) => event.type === "transfer_outcome");
  return { clock, metrics, events, commands, referred, refer, begin, outcome };
}

describe("a transfer by REFER", () => {
  it("is done when the call's leg goes", async () => {
    const { clock, metrics, commands, referred, refer, begin, outcome } = stage();
    begin();
    expect(referred).toEqual(["rtc_1 tel:+15551112222"]);
    await settle();
    expect(refer.left(sid(1))).toBe(true);
    expect(commands).toEqual([{ type: "transfer_ended", next: "connected" }]);
    expect(outcome()).toMatchObject({ destination: "desk" });
    expect(metrics.count("transfers", { kind: "refer" })).toBe(1);
    clock.advance(REFER_MS);
    expect([commands.length, refer.left(sid(1))]).toEqual([1, false]);
  });

  it("has failed when the leg stays: the agent goes on, and is told", async () => {
    const { clock, commands, begin } = stage();
    begin();
    await settle();
    clock.advance(REFER_MS);
    expect(commands).toMatchObject([
      { type: "transfer_ended", next: "back_to_agent" },
      { type: "tell_model", fact: expect.stringContaining('"desk"') },
    ]);
  });

  it("ends with an apology where the agent itself has failed", async () => {
    const { clock, commands, begin } = stage();
    begin("desk", "failure");
    await settle();
    clock.advance(REFER_MS);
    expect(commands).toEqual([{ type: "transfer_ended", next: "apology" }]);
  });

  it.each([
    ["the destination is unknown", null, "rtc_1", "nowhere"],
    ["the model's call is gone", null, null, "desk"],
    [
      "it is refused",
      new RelayError("upstream_rejected", "400", { retryable: false }),
      "rtc_1",
      "desk",
    ],
  ] as const)("fails at once when %s", async (_, error, callId, destination) => {
    const { commands, begin } = stage(error, callId);
    begin(destination);
    await settle();
    expect(commands[0]).toEqual({ type: "transfer_ended", next: "back_to_agent" });
  });

  it("was taken when the answer is that the call is gone", async () => {
    const { commands, begin } = stage(new RelayError("caller_gone", "404", { retryable: false }));
    begin();
    await settle();
    expect(commands).toEqual([{ type: "transfer_ended", next: "connected" }]);
  });

  it("is forgotten once the call is over", async () => {
    const { clock, commands, refer, begin } = stage();
    begin();
    refer.forget(sid(1));
    await settle();
    clock.advance(REFER_MS);
    expect(commands).toEqual([]);
  });
});
