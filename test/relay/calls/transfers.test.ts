import { describe, expect, it } from "vitest";
import type { TwilioCallStatus } from "../../../src/domain/call-status.js";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallSid } from "../../../src/domain/ids.js";
import type { CallControl } from "../../../src/ports/twilio.js";
import {
  type CallbackLink,
  PLAIN,
  readCallbackLink,
} from "../../../src/relay/calls/callback-link.js";
import type { Cluster, ClusterPeer } from "../../../src/relay/calls/cluster.js";
import type { KeptTransfer, TransferCalls } from "../../../src/relay/calls/transfer-service.js";
import { Transfers } from "../../../src/relay/calls/transfers.js";
import { consultLabel } from "../../../src/transfer/conference-names.js";
import type { Twiml } from "../../../src/wire/twiml.js";
import { agent, CallBench, parametersOf, sid } from "../../fakes/call-bench.js";
import type { FakeUpstream } from "../../fakes/fake-upstream.js";
import { failoverAgent } from "../../transfer/directory.js";

/** Twilio's REST by hand: each redirect is kept, and ends as the next of `failures` says. */
function bench(
  profile = agent(),
  stored = new Map<CallSid, string>(),
  counts: Map<string, number> | "silent" | "failing" = new Map(),
  numbers: readonly (readonly [string, string])[] = [],
  cluster: Cluster | null = null,
) {
  const redirects: [CallSid, Twiml][] = [];
  const failures: RelayError["code"][] = [];
  /** What Twilio is asked about consult legs, and what it says of them. */
  const consults: string[] = [];
  const twilio = {
    caller: async (): Promise<TwilioCallStatus> => "in-progress",
    leg: "ringing" as TwilioCallStatus,
    found: [] as { sid: CallSid; status: TwilioCallStatus }[],
    /** Labels of those who are in the caller's conference. */
    inConference: [] as string[],
  };
  const control = {
    redirect: async (callSid: CallSid, twiml: Twiml) => {
      redirects.push([callSid, twiml]);
      const code = failures.shift();
      if (code !== undefined)
        throw new RelayError(code, code, { retryable: code === "twilio_busy" });
    },
    status: async (callSid: CallSid) => (callSid === sid(1) ? await twilio.caller() : twilio.leg),
    createCallWithTwiml: async () => {
      consults.push("call");
      return sid(77);
    },
    findCalls: async (_to: string, sinceEpochMs: number) => {
      consults.push(`find since ${sinceEpochMs}`);
      return twilio.found;
    },
    isOnHold: async (_conference: string, label: string) => {
      if (!twilio.inConference.includes(label)) throw new RelayError("caller_gone", "", {});
      return false;
    },
    hangUp: async (callSid: CallSid) => void consults.push(`hang up ${callSid}`),
  } as unknown as CallControl;
  const calls = new CallBench(
    profile,
    {},
    (host, { clock, log, fake, journal }) =>
      new Transfers(withNumbers(host, numbers), {
        control,
        cluster,
        journal,
        clock,
        log,
        metrics: fake.metrics,
        links: { publicUrl: "https://relay.test", mediaUrl: "wss://relay.test/media-stream" },
        states: {
          keep: (callSid, snapshot) => void stored.set(callSid, JSON.stringify(snapshot)),
          find: async (callSid) => {
            const text = stored.get(callSid);
            return text === undefined ? null : (JSON.parse(text) as KeptTransfer);
          },
          count: async (destination) => {
            if (counts === "silent") return await new Promise<never>(() => undefined);
            if (counts === "failing")
              throw new RelayError("store_unavailable", "away", { retryable: true });
            counts.set(destination, (counts.get(destination) ?? 0) + 1);
            return counts.get(destination) ?? 0;
          },
        },
        escalate: null,
        recordUrl: null,
        holdMusicUrl: null,
      }),
    null,
    20,
    cluster,
  );
  return { calls, redirects, failures, stored, consults, twilio };
}

/** Processes that share their calls. */
class SharedCalls {
  readonly owners = new Map<CallSid, number>();
  readonly released: CallSid[] = [];
  readonly #peers = new Map<number, ClusterPeer>();

  /** @param me  the number of a process. */
  cluster(me: number): Cluster {
    return {
      join: (peer) => {
        this.#peers.set(me, peer);
      },
      claim: (callSid) => {
        const former = this.owners.get(callSid);
        this.owners.set(callSid, me);
        if (former !== undefined && former !== me) this.#peers.get(former)?.moved(callSid);
      },
      release: (callSid) => void this.released.push(callSid),
      ask: async (callSid, request) => {
        const owner = this.owners.get(callSid);
        if (owner === undefined || owner === me) return null;
        // One that has died is not there.
        return (await this.#peers.get(owner)?.answer(callSid, request)) ?? null;
      },
      claimOnce: async () => true,
    };
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
type Bench = ReturnType<typeof bench>;
const verbs = (twiml: Twiml): string[] => twiml.map(({ verb }) => verb);
const outcomes = (calls: CallBench): unknown[] =>
  calls
    .recorded("transfer_outcome")
    .map((event) => (event.type === "transfer_outcome" ? event.outcome : null));

function actionLink(twiml: Twiml): CallbackLink {
  for (const verb of twiml) {
    if ((verb.verb === "dial" || verb.verb === "enqueue") && verb.action !== undefined)
      return readCallbackLink(Object.fromEntries(new URL(verb.action).searchParams));
  }
  throw new Error("no action in the document");
}

/** The calls, with numbers in the agents file. */
function withNumbers(
  host: TransferCalls,
  numbers: readonly (readonly [string, string])[],
): TransferCalls {
  return {
    agents: { ...host.agents, numbers: new Map(numbers) },
    find: (callSid) => host.find(callSid),
    takeBack: (callSid, profile, form) => host.takeBack(callSid, profile, form),
  };
}

/** The agent asks for its desk; there is nothing left to be heard of it. */
function agentTransfers(calls: CallBench, model: FakeUpstream, response: string): void {
  model.created(response);
  model.done(response, {
    output: [
      {
        type: "function_call",
        id: `f-${response}`,
        call_id: `c-${response}`,
        name: "transfer_call",
        arguments: "{}",
        status: "completed",
      },
    ],
  });
  const request = {
    destination: "desk",
    reason: null,
    summary: null,
    urgency: null,
    by: "agent",
  } as const;
  const tools = calls.tools.find(({ batches }) => batches.length > 0);
  tools?.answer("ok", { kind: "transfer", farewell: "none", request });
}

/**
 * The transfer's document has ended badly: the caller comes back on a new stream, and the model is
 * there again.
 */
async function bringBack(calls: CallBench, twiml: Twiml, DialCallStatus: string): Promise<void> {
  calls.streams.at(-1)?.stop(sid(1));
  const form = calls.form(1, { CallStatus: "in-progress", DialCallStatus });
  const back = await calls.calls.transferStatus(form, actionLink(twiml));
  expect(verbs(back)).toEqual(["connect_stream"]);
  const stream = calls.stream();
  stream.phone.advance(calls.clock.nowMs());
  stream.start(sid(1), parametersOf(back));
  calls.dialer.last.becomesReady();
}

describe("transfers of calls", () => {
  it("make one calls.update, and end when the human has answered", async () => {
    const { calls, redirects } = bench();
    const { stream } = await calls.talk();
    stream.key("0");
    await settle();
    expect(redirects).toHaveLength(1);
    const [callSid, twiml] = redirects[0]!;
    expect(callSid).toBe(sid(1));
    expect(verbs(twiml)).toEqual(["say", "dial"]);
    expect(twiml[1]).toMatchObject({
      target: { type: "number", e164: "+15551112222" },
      timeoutS: 20,
    });
    stream.stop(sid(1));
    expect(calls.recorded("ended")).toEqual([]);
    const link = actionLink(twiml);
    const form = calls.form(1, { CallStatus: "in-progress", DialCallStatus: "completed" });
    expect(await calls.calls.transferStatus(form, link)).toEqual([{ verb: "hangup" }]);
    expect(calls.recorded("ended")).toMatchObject([{ outcome: "transferred" }]);
    // Twilio repeats itself; nothing changes.
    expect(await calls.calls.transferStatus(form, link)).toEqual([{ verb: "hangup" }]);
    expect(outcomes(calls)).toEqual(["answered"]);
    expect(calls.clock.pending).toBe(0);
  });

  it("go on by news without a link, which is about the caller's present document", async () => {
    const { calls, redirects } = bench(failoverAgent("desk", "sip"));
    const { stream } = await calls.talk();
    stream.key("0");
    await settle();
    stream.stop(sid(1));
    expect(redirects).toHaveLength(1);
    const busy = calls.form(1, { CallStatus: "in-progress", DialCallStatus: "busy" });
    const next = await calls.calls.transferStatus(busy, PLAIN);
    expect(next.at(-1)).toMatchObject({ verb: "dial", target: { type: "sip" } });
    const answered = calls.form(1, { CallStatus: "completed", DialCallStatus: "completed" });
    expect(await calls.calls.transferStatus(answered, PLAIN)).toEqual([{ verb: "hangup" }]);
    // A transfer has one outcome, whichever of its destinations answered.
    expect(outcomes(calls)).toEqual(["answered"]);
  });

  it.each(["busy", "no-answer", "failed"])(
    "go to the next destination when the first is %s, then back to the agent, who is told",
    async (DialCallStatus) => {
      const { calls, redirects } = bench(failoverAgent("desk", "sip"));
      const { stream } = await calls.talk();
      stream.key("0");
      await settle();
      stream.stop(sid(1));
      const form = calls.form(1, { CallStatus: "in-progress", DialCallStatus });
      const next = await calls.calls.transferStatus(form, actionLink(redirects[0]![1]));
      expect(next.at(-1)).toMatchObject({ verb: "dial", target: { type: "sip" } });
      const back = await calls.calls.transferStatus(form, actionLink(next));
      expect(verbs(back)).toEqual(["connect_stream"]);
      const again = calls.stream();
      again.start(sid(1), parametersOf(back));
      calls.dialer.last.becomesReady();
      expect(JSON.stringify(calls.dialer.last.of("conversation.item.create"))).toContain(
        "did not work",
      );
      // A response with instructions of its own would not follow the session's.
      expect(calls.dialer.last.of("response.create").at(-1)).not.toHaveProperty(
        "response.instructions",
      );
      expect(outcomes(calls)).toEqual([DialCallStatus.replace("-", "_")]);
      expect(calls.calls.find(sid(1))!.state.name).toBe("talking");
    },
  );

  it("end quietly when the caller hung up in the same instant", async () => {
    const { calls, failures } = bench();
    const { stream } = await calls.talk();
    failures.push("caller_gone");
    stream.key("0");
    stream.stop(sid(1));
    await settle();
    expect(outcomes(calls)).toEqual(["caller_gone"]);
    expect(calls.recorded("ended")).toMatchObject([{ outcome: "abandoned" }]);
    expect(calls.log.lines.filter((line) => line.startsWith("error"))).toEqual([]);
  });

  it("try again when Twilio is busy, and not when the stream shows that it was carried out", async () => {
    const { calls, redirects, failures } = bench();
    const { stream } = await calls.talk();
    failures.push("twilio_busy");
    stream.key("0");
    await settle();
    calls.run(200, 10);
    await settle();
    expect(redirects).toHaveLength(2);

    const other = bench();
    const line = await other.calls.talk();
    other.failures.push("twilio_timeout");
    line.stream.key("0");
    line.stream.stop(sid(1));
    await settle();
    other.calls.run(2_000, 100);
    await settle();
    expect(other.redirects).toHaveLength(1);
  });

  it("let connect-ended dial when Twilio takes no command", async () => {
    const { calls, failures } = bench();
    const { stream } = await calls.talk();
    failures.push("twilio_rejected");
    stream.key("0");
    await settle();
    expect(stream.closedWith).toBe(1000);
    const twiml = await calls.calls.connectEnded(calls.form(1, { CallStatus: "in-progress" }));
    expect(twiml.at(-1)).toMatchObject({ verb: "dial", target: { e164: "+15551112222" } });
    const form = calls.form(1, { CallStatus: "in-progress", DialCallStatus: "completed" });
    await calls.calls.transferStatus(form, actionLink(twiml));
    expect(calls.recorded("ended")).toMatchObject([{ outcome: "transferred" }]);
  });

  it("are refused to an agent that has made too many, and the call goes on with it", async () => {
    const base = agent();
    const { calls, redirects } = bench(agent({ transfer: { ...base.transfer, maxPerCall: 1 } }));
    const { model } = await calls.talk();
    agentTransfers(calls, model, "r1");
    await settle();
    await bringBack(calls, redirects[0]![1], "busy");
    agentTransfers(calls, calls.dialer.last, "r2");
    await settle();
    expect(redirects).toHaveLength(1);
    expect(outcomes(calls)).toEqual(["busy", "denied"]);
    expect(calls.recorded("transfer_step").at(-1)).toMatchObject({
      step: "refused",
      detail: "call_limit",
    });
    calls.dialer.last.becomesReady();
    expect(calls.calls.find(sid(1))!.state.name).toBe("talking");
    expect(JSON.stringify(calls.dialer.last.of("conversation.item.create"))).toContain(
      "call_limit",
    );
  });

  it("are never refused to a caller who presses the key", async () => {
    const base = agent();
    const { calls, redirects } = bench(agent({ transfer: { ...base.transfer, maxPerCall: 0 } }));
    for (let n = 1; n <= 25; n++) {
      const { stream } = await calls.talk(n);
      stream.key("0");
      await settle();
      stream.stop(sid(n));
      const form = calls.form(n, { CallStatus: "in-progress", DialCallStatus: "completed" });
      await calls.calls.transferStatus(form, actionLink(redirects.at(-1)![1]));
    }
    expect(redirects).toHaveLength(25);
  });

  it("work a second and a third time, and no late callback of an earlier one disturbs them", async () => {
    const { calls, redirects } = bench(failoverAgent("desk"));
    const { model } = await calls.talk();
    let asking = model;
    const earlier: Twiml[] = [];
    for (let n = 1; n <= 3; n++) {
      agentTransfers(calls, asking, `r${n}`);
      await settle();
      expect(redirects).toHaveLength(n);
      for (const twiml of earlier) {
        // Late news of the earlier dials, good and bad.
        for (const DialCallStatus of ["completed", "busy"]) {
          const form = calls.form(1, { CallStatus: "in-progress", DialCallStatus });
          await calls.calls.transferStatus(form, actionLink(twiml));
        }
        expect(outcomes(calls)).toHaveLength(n - 1);
      }
      earlier.push(redirects[n - 1]![1]);
      if (n === 3) break;
      await bringBack(calls, redirects[n - 1]![1], "busy");
      asking = calls.dialer.last;
    }
    const form = calls.form(1, { CallStatus: "in-progress", DialCallStatus: "completed" });
    await calls.calls.transferStatus(form, actionLink(redirects[2]![1]));
    expect(outcomes(calls)).toEqual(["busy", "busy", "answered"]);
    expect(calls.recorded("ended")).toMatchObject([{ outcome: "transferred" }]);
  });

  it("show a number of the agent's to the human when a SIP caller called a SIP address", async () => {
    const { calls, redirects } = bench(agent(), new Map(), new Map(), [
      ["sip:support@us.example.com", "support"],
      ["tel:+1-202-555-0177", "support"],
    ]);
    const { stream } = await calls.talk(1, {
      From: "sip:anna@pbx.example.com",
      To: "sip:support@us.example.com",
    });
    stream.key("0");
    await settle();
    expect(redirects[0]![1].at(-1)).toMatchObject({ verb: "dial", callerId: "+12025550177" });
  });

  it("take a failed agent's callers to the default destination, and then to its apology", async () => {
    const { calls } = bench();
    const form = calls.form(9, { CallStatus: "in-progress" });
    const twiml = await calls.calls.connectEnded(form);
    expect(verbs(twiml)).toEqual(["say", "dial"]);
    expect(twiml[0]).toMatchObject({ text: "Sorry." });
    // Our answer was lost: the same again, and no second dial by REST.
    expect(await calls.calls.connectEnded(form)).toEqual(twiml);
    const end = await calls.calls.transferStatus(
      { ...form, DialCallStatus: "busy" },
      actionLink(twiml),
    );
    expect(end).toEqual([{ verb: "say", text: "Sorry.", language: "en" }, { verb: "hangup" }]);
  });

  it("go on in another process, from its state or from the URL alone", async () => {
    const first = bench(failoverAgent("desk", "sip"));
    const { stream } = await first.calls.talk();
    stream.key("0");
    await settle();
    const link = actionLink(first.redirects[0]![1]);
    const form = first.calls.form(1, { CallStatus: "in-progress", DialCallStatus: "busy" });

    for (const stored of [first.stored, new Map<CallSid, string>()]) {
      const second = bench(failoverAgent("desk", "sip"), new Map(stored));
      const next = await second.calls.calls.transferStatus(form, link);
      expect(next.at(-1)).toMatchObject({ verb: "dial", target: { type: "sip" } });
      // When no destination has answered, the caller becomes a call of this process.
      const back = await second.calls.calls.transferStatus(form, actionLink(next));
      expect(verbs(back)).toEqual(["connect_stream"]);
      second.calls.stream().start(sid(1), parametersOf(back));
      expect(second.calls.calls.find(sid(1))).toBeDefined();
    }
  });

  /** The model has asked for a transfer to the second destination, and says goodbye. */
  async function inFarewell() {
    const first = bench(failoverAgent("desk", "sip"));
    const { stream, model } = await first.calls.talk();
    model.created("r1");
    model.delta("r1", "i1", 16_000);
    model.done("r1", {
      output: [
        {
          type: "function_call",
          id: "f1",
          call_id: "c1",
          name: "go",
          arguments: "{}",
          status: "completed",
        },
      ],
    });
    const request = {
      destination: "sip",
      reason: "asked",
      summary: "a bill",
      urgency: null,
      by: "agent",
    } as const;
    first.calls.tools[0]!.answer("ok", { kind: "transfer", farewell: "play", request });
    first.calls.run(200);
    expect(first.calls.calls.find(sid(1))!.state.name).toBe("leaving");
    return { ...first, stream };
  }

  it("take the caller to where they were going when the process dies in the farewell", async () => {
    const first = await inFarewell();
    expect(first.redirects).toEqual([]);
    const second = bench(failoverAgent("desk", "sip"), new Map(first.stored));
    second.calls.clock.advance(first.calls.clock.nowMs() + 3_000);
    const form = second.calls.form(1, { CallStatus: "in-progress" });
    const twiml = await second.calls.calls.connectEnded(form);
    expect(twiml.at(-1)).toMatchObject({ verb: "dial", target: { type: "sip" } });
    // Twilio repeats itself.
    expect(await second.calls.calls.connectEnded(form)).toEqual(twiml);
    const answered = { ...form, DialCallStatus: "completed" };
    expect(await second.calls.calls.transferStatus(answered, actionLink(twiml))).toEqual([
      { verb: "hangup" },
    ]);
    expect(outcomes(second.calls)).toEqual(["answered"]);
    expect(second.calls.recorded("ended")).toMatchObject([{ outcome: "transferred" }]);
  });

  describe("whose process dies while the caller waits for a human who is called", () => {
    /** The caller waits in hold music, and Twilio has nothing more to tell. */
    async function waiting() {
      const first = bench(failoverAgent("warm", "desk"));
      const { stream } = await first.calls.talk();
      stream.key("0");
      stream.stop(sid(1));
      await settle();
      expect(first.consults).toEqual(["call"]);
      const kept = JSON.parse(first.stored.get(sid(1))!) as KeptTransfer;
      expect(kept.state).toMatchObject({ consultLeg: sid(77), phase: { name: "ringing" } });
      return { ...first, kept };
    }

    /** Another process, and what it was left. */
    function successor(kept: KeptTransfer, consultLeg: CallSid | null) {
      const state = { ...kept.state, consultLeg };
      const left = new Map([[sid(1), JSON.stringify({ ...kept, state })]]);
      const second = bench(failoverAgent("warm", "desk"), left);
      second.calls.clock.advance(90_000);
      const lost = async () => {
        second.calls.calls.processLost(sid(1));
        for (let n = 0; n < 3; n++) await settle();
      };
      return { ...second, lost };
    }

    it("have the human called where they were not", async () => {
      const { kept } = await waiting();
      const second = successor(kept, null);
      await second.lost();
      expect(second.consults).toEqual([`find since ${kept.keptEpochMs}`]);
      second.calls.clock.advance(400);
      await settle();
      expect(second.consults.slice(1)).toEqual(["call"]);
      // It is remembered here now.
      await second.lost();
      expect(second.consults).toHaveLength(2);
    });

    it("call nobody twice, and go on to the next when nobody answers", async () => {
      const { kept } = await waiting();
      for (const leg of [null, sid(77)]) {
        const second = successor(kept, leg);
        second.twilio.found = [{ sid: sid(77), status: "ringing" }];
        await second.lost();
        second.calls.clock.advance(39_900);
        await settle();
        expect([second.consults.includes("call"), second.redirects]).toEqual([false, []]);
        second.calls.clock.advance(100);
        await settle();
        expect(verbs(second.redirects[0]![1])).toContain("dial");
      }
    });

    it("call no one for a caller who has hung up, unless Twilio does not say so", async () => {
      const { kept } = await waiting();
      const gone = successor(kept, sid(77));
      gone.twilio.caller = async () => "completed";
      await gone.lost();
      // Also once the answer is here that it rings.
      expect(new Set(gone.consults)).toEqual(new Set([`hang up ${sid(77)}`]));
      expect(outcomes(gone.calls)).toEqual(["caller_gone"]);
      const unknown = successor(kept, null);
      unknown.twilio.caller = async () => {
        throw new RelayError("twilio_timeout", "", { retryable: true });
      };
      await unknown.lost();
      unknown.calls.clock.advance(400);
      await settle();
      expect(unknown.consults).toContain("call");
    });

    it("are taken over by one process, which gets every callback from then on", async () => {
      const { kept } = await waiting();
      const state = { ...kept.state, consultLeg: null };
      const stored = new Map([[sid(1), JSON.stringify({ ...kept, state })]]);
      const shared = new SharedCalls();
      shared.owners.set(sid(1), 0);
      const [second, third] = [1, 2].map((n) =>
        bench(failoverAgent("warm", "desk"), stored, undefined, [], shared.cluster(n)),
      ) as [Bench, Bench];
      for (const { calls, twilio } of [second, third]) {
        twilio.found = [{ sid: sid(77), status: "ringing" }];
        calls.calls.processLost(sid(1));
        for (let n = 0; n < 3; n++) await settle();
      }
      expect([second.consults.length, third.consults.length]).toEqual([1, 0]);

      // The human accepts. Twilio asks the process that does not have the transfer.
      const link = readCallbackLink({
        ...{ call: sid(1), agent: kept.agent, first: kept.request.destination, step: "0" },
        ...{ revision: `${state.revision}`, attempt: `${state.attempt}`, by: "key", page: "key" },
      });
      const human = third.calls.form(77, { CallStatus: "in-progress", Digits: "1" });
      const accepted = await third.calls.service.transferStatus(human, link);
      expect(verbs(accepted)).toEqual(["dial", "hangup"]);
      const joined = {
        StatusCallbackEvent: "participant-join",
        ParticipantLabel: consultLabel(state.attempt),
      };
      third.calls.service.callback("conference-events", { ...human, ...joined }, link);
      await settle();
      expect(second.calls.recorded("ended")).toMatchObject([{ outcome: "transferred" }]);
      expect(shared.released).toEqual([sid(1)]);
      // No clock of any process takes the caller away from the human.
      for (const { calls } of [second, third]) calls.clock.advance(600_000);
      await settle();
      expect([second.redirects, third.redirects, outcomes(third.calls)]).toEqual([[], [], []]);
    });

    it("have succeeded where the human is with the caller, and no clock parts the two", async () => {
      // The process was only cut off from the database, or Twilio's news went down with it.
      const { kept } = await waiting();
      for (const [leg, phase] of [
        [null, kept.state.phase],
        [sid(77), kept.state.phase],
        [sid(77), { name: "screening" }],
      ] as const) {
        const second = successor({ ...kept, state: { ...kept.state, phase } }, leg);
        second.twilio.found = [{ sid: sid(77), status: "in-progress" }];
        second.twilio.leg = "in-progress";
        second.twilio.inConference = [consultLabel(kept.state.attempt)];
        await second.lost();
        second.calls.clock.advance(600_000);
        await settle();
        expect([second.redirects, outcomes(second.calls)]).toEqual([[], ["answered"]]);
        expect(second.consults.filter((what) => what.startsWith("hang up"))).toEqual([]);
      }
    });

    it("are left alone where they are over, had not begun, or were never kept", async () => {
      const { kept } = await waiting();
      for (const phase of [
        { name: "over", outcome: "answered", next: "connected" },
        { name: "farewell" },
      ] as const) {
        const left = successor({ ...kept, state: { ...kept.state, phase } }, null);
        await left.lost();
        left.calls.clock.advance(60_000);
        await settle();
        expect([left.consults, left.redirects]).toEqual([[], []]);
      }
      const never = bench(failoverAgent("warm"));
      never.calls.calls.processLost(sid(1));
      await settle();
      expect(never.consults).toEqual([]);
    });
  });

  it("take the caller there when only the socket breaks in the farewell", async () => {
    const { calls, stream, redirects } = await inFarewell();
    stream.receiver!.closed(1006);
    const twiml = await calls.calls.connectEnded(calls.form(1, { CallStatus: "in-progress" }));
    expect(twiml.at(-1)).toMatchObject({ verb: "dial", target: { type: "sip" } });
    await settle();
    expect(redirects.length).toBeLessThanOrEqual(1);
    expect(calls.recorded("ended")).toEqual([]);
  });

  it("are not taken up again when they were over before the process died", async () => {
    const first = bench(failoverAgent("sip", "desk"));
    const { stream } = await first.calls.talk();
    stream.key("0");
    await settle();
    stream.stop(sid(1));
    const busy = first.calls.form(1, { CallStatus: "in-progress", DialCallStatus: "busy" });
    const next = await first.calls.calls.transferStatus(busy, actionLink(first.redirects[0]![1]));
    const back = await first.calls.calls.transferStatus(busy, actionLink(next));
    first.calls.stream().start(sid(1), parametersOf(back));
    await settle();
    const second = bench(failoverAgent("sip", "desk"), new Map(first.stored));
    const twiml = await second.calls.calls.connectEnded(
      second.calls.form(1, { CallStatus: "in-progress" }),
    );
    // The agent failed: an apology, then the default destination.
    expect(verbs(twiml)).toEqual(["say", "dial"]);
    expect(twiml[0]).toMatchObject({ text: "Sorry." });
  });

  const limited = (maxPerHour: number) => {
    const profile = failoverAgent("desk");
    const desk = profile.transfer.destinations.get("desk")!;
    const destinations = new Map([["desk", { ...desk, maxPerHour }]]);
    return { ...profile, transfer: { ...profile.transfer, destinations } };
  };

  it("of agents to one destination are counted over all processes, and not by caller", async () => {
    const counts = new Map([["+12025550111", 19]]);
    for (const [process, refused] of [
      [1, false],
      [2, true],
    ] as const) {
      const { calls, redirects } = bench(limited(20), new Map(), counts);
      const { model } = await calls.talk(process, { From: "anonymous" });
      agentTransfers(calls, model, "r1");
      await settle();
      expect(redirects).toHaveLength(refused ? 0 : 1);
      expect(calls.recorded("transfer_outcome", process)).toHaveLength(refused ? 1 : 0);
      if (refused)
        expect(calls.recorded("transfer_step", process)).toMatchObject([
          { step: "refused", detail: "destination_limit" },
        ]);
    }
  });

  it("that are refused while Twilio asks what follows bring the caller back to the agent", async () => {
    const counts = new Map([["+12025550111", 20]]);
    const { calls, redirects } = bench(limited(20), new Map(), counts);
    const { model } = await calls.talk();
    agentTransfers(calls, model, "r1");
    const asked = calls.calls.connectEnded(calls.form(1, { CallStatus: "in-progress" }));
    expect((await asked).at(-1)).toMatchObject({ verb: "connect_stream" });
    expect(calls.calls.find(sid(1))?.state.name).toBe("returning");
    expect(redirects).toEqual([]);
  });

  it("do not wait for a count that does not come", async () => {
    const { calls, redirects } = bench(limited(20), new Map(), "silent");
    const { model } = await calls.talk();
    agentTransfers(calls, model, "r1");
    // Twilio asks before the count is given up: it waits for the same answer.
    const asked = calls.calls.connectEnded(calls.form(1, { CallStatus: "in-progress" }));
    await settle();
    expect(redirects).toEqual([]);
    calls.run(300, 50);
    expect((await asked).at(-1)).toMatchObject({ verb: "dial" });
    const failing = bench(limited(20), new Map(), "failing");
    const other = await failing.calls.talk();
    agentTransfers(failing.calls, other.model, "r1");
    await settle();
    expect(failing.redirects).toHaveLength(1);
  });

  it("answer a callback of no transfer with a document that ends the call", async () => {
    const { calls } = bench();
    const status = (DialCallStatus: string): Promise<Twiml> =>
      calls.calls.transferStatus(
        calls.form(9, { CallStatus: "in-progress", DialCallStatus }),
        PLAIN,
      );
    expect(await status("completed")).toEqual([{ verb: "hangup" }]);
    expect(verbs(await status("busy"))).toEqual(["say", "hangup"]);
  });
});
