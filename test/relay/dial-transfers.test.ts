import { describe, expect, it } from "vitest";
import type { AgentProfile, Destination } from "../../src/agent.js";
import { RelayError, type RelayErrorOptions } from "../../src/errors.js";
import type { CallControl, CallSid } from "../../src/ports.js";
import { DialTransfers } from "../../src/relay/dial-transfers.js";
import type { Twiml } from "../../src/wire/twiml.js";
import { agent, CallBench, parametersOf, sid } from "../support/call-bench.js";

const dial = (name: string, e164: string, then: string | null = null): Destination => ({
  name,
  description: name,
  then,
  kind: "dial",
  target: { type: "number", e164 },
  timeoutS: 20,
});

function twoDesks(): AgentProfile {
  const base = agent();
  return agent({
    transfer: {
      ...base.transfer,
      destinations: new Map([
        ["desk", dial("desk", "+15551112222", "night")],
        ["night", dial("night", "+15553334444")],
      ]),
    },
  });
}

/** Twilio's REST by hand: each redirect is kept, and ends as `fails` says. */
function bench(profile = agent()) {
  const redirects: [CallSid, Twiml][] = [];
  const failures: RelayError[] = [];
  const control = {
    redirect: async (callSid: CallSid, twiml: Twiml) => {
      redirects.push([callSid, twiml]);
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
    },
  } as unknown as CallControl;
  const calls = new CallBench(
    profile,
    {},
    (host, { clock, log, fake }) =>
      new DialTransfers(host, {
        control,
        clock,
        log,
        metrics: fake.metrics,
        links: { publicUrl: "https://relay.test", mediaUrl: "wss://relay.test/media-stream" },
      }),
  );
  const fail = (
    code: "caller_gone" | "twilio_busy" | "twilio_rejected",
    options?: RelayErrorOptions,
  ): void => {
    failures.push(new RelayError(code, code, options));
  };
  return { calls, redirects, fail };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const verbs = (twiml: Twiml): string[] => twiml.map(({ verb }) => verb);
const outcomes = (calls: CallBench): unknown[] =>
  calls
    .recorded("transfer_outcome")
    .map((event) => (event.type === "transfer_outcome" ? event.outcome : null));

describe("a transfer by dial", () => {
  it("makes one calls.update, and is over when the human has hung up", async () => {
    const { calls, redirects } = bench();
    const { stream } = await calls.talk();
    stream.key("0");
    await settle();
    expect(redirects).toEqual([
      [
        sid(1),
        [
          { verb: "say", text: "One moment please, I am connecting you.", language: "en" },
          {
            verb: "dial",
            target: { type: "number", e164: "+15551112222" },
            action: "https://relay.test/transfer-status",
            timeoutS: 20,
          },
        ],
      ],
    ]);
    stream.stop(sid(1));
    expect(calls.recorded("ended")).toEqual([]);
    const form = calls.form(1, { CallStatus: "in-progress", DialCallStatus: "completed" });
    expect(await calls.calls.transferStatus(form, {})).toEqual([{ verb: "hangup" }]);
    expect(calls.recorded("ended")).toMatchObject([{ outcome: "transferred" }]);
    expect(outcomes(calls)).toEqual(["answered"]);
    // Twilio repeats itself; nothing changes.
    expect(await calls.calls.transferStatus(form, {})).toEqual([{ verb: "hangup" }]);
    expect(outcomes(calls)).toEqual(["answered"]);
    expect(calls.clock.pending).toBe(0);
  });

  it.each(["busy", "no-answer", "failed"])(
    "goes to the next destination when the first is %s, then back to the agent",
    async (status) => {
      const { calls } = bench(twoDesks());
      const { stream } = await calls.talk();
      stream.key("0");
      await settle();
      stream.stop(sid(1));
      const form = calls.form(1, { CallStatus: "in-progress", DialCallStatus: status });
      const next = await calls.calls.transferStatus(form, {});
      expect(next.at(-1)).toMatchObject({ verb: "dial", target: { e164: "+15553334444" } });
      const back = await calls.calls.transferStatus(form, {});
      expect(verbs(back)).toEqual(["connect_stream"]);
      const again = calls.stream();
      again.start(sid(1), parametersOf(back));
      calls.dialer.last.becomesReady();
      expect(JSON.stringify(calls.dialer.last.of("conversation.item.create"))).toContain("did not work");
      expect(calls.dialer.last.of("response.create")).toHaveLength(1);
      expect(outcomes(calls)).toEqual([status.replace("-", "_"), status.replace("-", "_")]);
      expect(calls.calls.find(sid(1))!.state.name).toBe("talking");
    },
  );

  it("ends quietly when the caller hung up in the same instant", async () => {
    const { calls, fail } = bench();
    const { stream } = await calls.talk();
    fail("caller_gone");
    stream.key("0");
    await settle();
    expect(outcomes(calls)).toEqual(["caller_gone"]);
    expect(calls.recorded("ended")).toMatchObject([{ outcome: "abandoned" }]);
  });

  it("tries again when Twilio is busy, and not when the stream shows that it was carried out", async () => {
    const { calls, redirects, fail } = bench();
    const { stream } = await calls.talk();
    fail("twilio_busy", { retryable: true });
    stream.key("0");
    await settle();
    calls.run(200, 10);
    await settle();
    expect(redirects).toHaveLength(2);

    const other = bench();
    const line = await other.calls.talk();
    other.fail("twilio_busy", { retryable: true });
    line.stream.key("0");
    line.stream.stop(sid(1));
    await settle();
    other.calls.run(2_000, 100);
    expect(other.redirects).toHaveLength(1);
  });

  it("lets connect-ended dial when Twilio takes no command", async () => {
    const { calls, fail } = bench();
    const { stream } = await calls.talk();
    fail("twilio_rejected");
    stream.key("0");
    await settle();
    expect(stream.closedWith).toBe(1000);
    const twiml = await calls.calls.connectEnded(calls.form(1, { CallStatus: "in-progress" }));
    expect(twiml.at(-1)).toMatchObject({ verb: "dial", target: { e164: "+15551112222" } });
    const form = calls.form(1, { CallStatus: "in-progress", DialCallStatus: "completed" });
    await calls.calls.transferStatus(form, {});
    expect(calls.recorded("ended")).toMatchObject([{ outcome: "transferred" }]);
  });

  it("denies what the directory does not hold, and too many, and the agent goes on", async () => {
    const base = agent();
    const { calls, redirects } = bench(agent({ transfer: { ...base.transfer, maxPerCall: 0 } }));
    const { stream, model } = await calls.talk();
    model.created("r1");
    model.done("r1");
    stream.key("0");
    await settle();
    expect(redirects).toEqual([]);
    expect(calls.fake.count("transfer dial")).toBe(1);
    calls.dialer.last.becomesReady();
    expect(calls.calls.find(sid(1))!.state.name).toBe("talking");
    expect(calls.dialer.last.of("response.create")).toHaveLength(1);
  });

  it("answers a dial that another process began: over when answered, else an apology", async () => {
    const { calls } = bench();
    const status = (DialCallStatus: string): Promise<Twiml> =>
      calls.calls.transferStatus(calls.form(9, { CallStatus: "in-progress", DialCallStatus }), {});
    expect(await status("completed")).toEqual([{ verb: "hangup" }]);
    expect(verbs(await status("busy"))).toEqual(["say", "hangup"]);
  });
});
