import { describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import type { CallSid, ItemId, ResponseId, ToolCallId } from "../../../src/domain/ids.js";
import { PROCESS_STALL_MS } from "../../../src/domain/stall.js";
import type { MediaLeg } from "../../../src/relay/media/media-leg.js";
import { CALL_HEADER } from "../../../src/relay/sip/invite.js";
import type { KeptSipCall } from "../../../src/relay/sip/sip-states.js";
import { sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import {
  conference,
  conferenceOver,
  type FakeSideband,
  FORM,
  invite,
  joined,
  legStatus,
  pass,
  SID,
  type SipBench,
  settle,
  sipBench,
  talking,
} from "../../fakes/sip-bench.js";

describe("a caller of a number on the SIP path", () => {
  it("waits in a conference of their own, and the model is added once they are in", async () => {
    const b = sipBench();
    expect(await b.calls.incomingSip(FORM)).toMatchObject([
      {
        verb: "dial",
        target: { type: "conference", label: "customer", endConferenceOnExit: true },
      },
    ]);
    expect(b.participants).toEqual([]);
    joined(b);
    joined(b);
    await pass(b.clock, 2_000);
    expect(b.participants).toHaveLength(1);
    expect(b.participants[0]).toMatchObject({
      conference: `murelay-${SID}`,
      label: "virtual agent",
      from: FORM.From,
      callToken: FORM.CallToken,
      earlyMedia: false,
      endConferenceOnExit: false,
    });
    expect(b.participants[0]?.to).toMatch(
      /^sip:proj_1@sip\.api\.openai\.com;transport=tls\?X-Murelay-Call=CA/,
    );
  });

  it("gets the model also when Twilio's word of their arrival is lost", async () => {
    const b = sipBench();
    await b.calls.incomingSip(FORM);
    await pass(b.clock, 1_000);
    expect(b.participants).toHaveLength(1);
  });

  it.each(["anonymous", "", "sip:ann@example.com"])(
    "shows our number when they have none: %j",
    async (From) => {
      const b = sipBench();
      await b.calls.incomingSip({ ...FORM, From });
      joined(b);
      await settle();
      expect(b.participants[0]).toMatchObject({ from: FORM.To });
      expect(b.participants[0]?.callToken).toBeUndefined();
    },
  );

  it("is connected under our number when Twilio does not let us show theirs", async () => {
    const b = sipBench({
      participant: async (asked) => {
        if (asked.from === FORM.From) throw new RelayError("twilio_rejected", "21210");
        return { callSid: sid(101), conferenceSid: "CF1" };
      },
    });
    await b.calls.incomingSip(FORM);
    joined(b);
    await pass(b.clock, 500);
    expect(b.participants.map(({ from }) => from)).toEqual([FORM.From, FORM.To]);
  });

  it("goes to the fallback when the model does not take the call in time", async () => {
    const b = sipBench();
    await b.calls.incomingSip(FORM);
    joined(b);
    await pass(b.clock, 9_500);
    expect(b.begun).toEqual([`${SID} desk failure`]);
  });

  it("is remembered for other processes until they are gone", async () => {
    const b = sipBench();
    await b.calls.incomingSip(FORM);
    expect(b.states.get(SID)).toEqual({
      agent: "support",
      from: FORM.From,
      to: FORM.To,
      callToken: FORM.CallToken,
      callId: null,
    });
    joined(b);
    await settle();
    await b.calls.invited(invite(b.participants[0]));
    expect(b.states.get(SID)).toMatchObject({ callId: "rtc_1" });
    const left = {
      StatusCallbackEvent: "participant-leave",
      ReasonParticipantLeft: "participant_hung_up",
    };
    conference(b, { ...left, ParticipantLabel: "customer", CallSid: SID });
    expect(b.states.size).toBe(0);
  });
});

describe("a conference that is over", () => {
  const OVER = { ...FORM, CallStatus: "in-progress" };

  it("ends the call of a caller who was with a human, at whichever process and however late", async () => {
    const b = sipBench();
    (await talking(b)).events.key?.("0");
    b.calls.find(SID)?.execute({ type: "transfer_ended", next: "connected" });
    expect(await conferenceOver(b, OVER)).toEqual([{ verb: "hangup" }]);
    const other = sipBench({ states: b.states });
    expect(await conferenceOver(other, OVER)).toEqual([{ verb: "hangup" }]);
  });

  it("leads to the fallback when it broke, also after another process has died", async () => {
    const b = sipBench();
    await talking(b);
    const other = sipBench({ states: b.states });
    expect(await conferenceOver(other, OVER)).toEqual([{ verb: "say", text: "fallback" }]);
    expect(await conferenceOver(b, OVER)).toEqual([{ verb: "say", text: "fallback" }]);
    expect(b.journal.record(SID)).toMatchObject({
      outcome: "failed",
      endReason: "conference_ended",
    });
  });

  it("is a hang-up for a caller who hung up", async () => {
    const b = sipBench();
    await talking(b);
    expect(await conferenceOver(b, { ...FORM, CallStatus: "completed" })).toEqual([
      { verb: "hangup" },
    ]);
    expect(b.journal.record(SID)).toMatchObject({ outcome: "completed" });
  });
});

describe("legs to the model", () => {
  it("that a lost answer has left behind neither take the call nor end it", async () => {
    const b = sipBench({
      participant: (_asked, n) =>
        n === 1
          ? Promise.reject(new RelayError("twilio_timeout", "no answer", { retryable: true }))
          : Promise.resolve({ callSid: sid(102), conferenceSid: "CF1" }),
    });
    await b.calls.incomingSip(FORM);
    joined(b);
    await pass(b.clock, 2_000);
    expect(b.participants).toHaveLength(2);
    // The first was carried out after all, and is the first to ring.
    await b.calls.invited(invite(b.participants[0], "rtc_1"));
    await b.calls.invited(invite(b.participants[1], "rtc_2"));
    await settle();
    expect(b.openai).toEqual(["accept rtc_1", "reject rtc_2 480"]);
    b.sidebands[0]?.life.ready();
    legStatus(b, 2, { CallSid: sid(102), CallStatus: "busy" });
    await pass(b.clock, 2_000);
    expect(b.calls.find(SID)?.state.name).toBe("talking");
    legStatus(b, 1, { CallSid: sid(101), CallStatus: "completed" });
    expect(b.registry.sip(SID)?.path.callId).toBeNull();
  });

  it("that are reported more than once are accepted once", async () => {
    const b = sipBench();
    await talking(b);
    await b.calls.invited(invite(b.participants[0]));
    await settle();
    expect(b.openai).toEqual(["accept rtc_1"]);
  });

  it.each([
    ["is that of another leg", (text: string) => text],
    ["names another call", (text: string) => text.replace(SID, sid(8))],
    ["names another leg", (text: string) => text.replace(`${SID}.1.`, `${SID}.2.`)],
    ["is made up", () => `${SID}.1.zzzz.abc.def`],
    ["is missing", () => "nonsense"],
  ])("are refused when the token %s", async (_name, change) => {
    const b = sipBench();
    await talking(b);
    const to = b.participants[0]?.to ?? "";
    const header = change(new URL(to).searchParams.get(CALL_HEADER) ?? "");
    const forged = {
      ...b.participants[0]!,
      to: `sip:p@h?${CALL_HEADER}=${encodeURIComponent(header)}`,
    };
    await b.calls.invited(invite(forged, "rtc_thief"));
    await settle();
    expect(b.openai).toEqual(["accept rtc_1", "reject rtc_thief 603"]);
    expect(b.registry.sip(SID)?.path.callId).toBe("rtc_1");
  });
});

describe("a call of another process", () => {
  const ring = async (states: Map<CallSid, KeptSipCall>) => {
    const clock = new FakeClock();
    const first = sipBench({ states, clock });
    await first.calls.incomingSip(FORM);
    joined(first);
    await settle();
    return { first, clock, leg: first.participants[0] };
  };

  it("is passed to that process, repeatedly while it does not answer", async () => {
    const states = new Map<CallSid, KeptSipCall>();
    const { first, clock, leg } = await ring(states);
    let asks = 0;
    const second = sipBench({
      states,
      clock,
      ask: async (_callSid, question) => {
        if (++asks < 3 || question.kind !== "sip_invited") return null;
        await first.calls.invited(question.invite);
        return { kind: "done" };
      },
    });
    const done = second.calls.invited(invite(leg));
    await pass(clock, 1_000);
    await done;
    expect(asks).toBe(3);
    expect(first.openai).toEqual(["accept rtc_1"]);
    expect(second.openai).toEqual([]);
  });

  it("is taken over when that process is dead: greeted, in the same record", async () => {
    const states = new Map<CallSid, KeptSipCall>();
    const { clock, leg } = await ring(states);
    const second = sipBench({ states, clock, ask: async () => null });
    const done = second.calls.invited(invite(leg));
    await pass(clock, 4_500);
    await done;
    expect(second.openai).toEqual(["accept rtc_1"]);
    second.sidebands[0]?.life.ready();
    await settle();
    expect(second.sidebands[0]?.told.join()).toContain("Hello!");
    expect(second.journal.record(SID)).toMatchObject({
      path: "sip",
      agent: "support",
      from: FORM.From,
    });
    expect(states.get(SID)).toMatchObject({ callId: "rtc_1" });
  });

  it("is left alone when it was taken by a process too busy to say so", async () => {
    const states = new Map<CallSid, KeptSipCall>();
    const { first, clock, leg } = await ring(states);
    await first.calls.invited(invite(leg));
    const second = sipBench({ states, clock, ask: async () => null });
    const done = second.calls.invited(invite(leg));
    await pass(clock, 4_500);
    await done;
    expect(second.openai).toEqual([]);
  });

  it("is released, untouched, when its own process accepts it after all", async () => {
    const states = new Map<CallSid, KeptSipCall>();
    const { clock, leg } = await ring(states);
    const second = sipBench({
      states,
      clock,
      ask: async () => null,
      accept: () => Promise.reject(new RelayError("upstream_rejected", "accepted already")),
    });
    const done = second.calls.invited(invite(leg));
    await pass(clock, 5_500);
    await done;
    expect(second.openai).toEqual(["accept rtc_1"]);
    expect([second.twilio, second.begun]).toEqual([[], []]);
    expect(second.calls.find(SID)).toBeUndefined();
    expect([second.metrics.count("callsActive"), second.metrics.count("calls")]).toEqual([0, 0]);
  });

  it("loses its model when a human has joined, though the process that called them in is gone", async () => {
    const b = sipBench();
    await talking(b);
    const second = sipBench({ states: b.states });
    const join = { StatusCallbackEvent: "participant-join", CallSid: sid(9) };
    conference(second, { ...join, ParticipantLabel: "virtual agent" });
    await settle();
    expect(second.openai).toEqual([]);
    conference(second, { ...join, ParticipantLabel: "consult-1" });
    conference(second, { ...join, ParticipantLabel: "consult-1" });
    await settle();
    expect(second.openai).toContain("hangUp rtc_1");
    expect(b.states.size).toBe(0);
  });

  it("is rejected when its caller is gone", async () => {
    const { clock, leg } = await ring(new Map());
    const second = sipBench({ states: new Map(), clock, ask: async () => null });
    const done = second.calls.invited(invite(leg));
    await pass(clock, 4_500);
    await done;
    expect(second.openai).toEqual(["reject rtc_1 480"]);
  });
});

describe("a sideband", () => {
  it("is ticked often enough that only a process stall counts as one", async () => {
    const b = sipBench();
    const model = await talking(b);
    model.speaks("r1");
    const { tickedMs } = model;
    b.clock.advance(10_000);
    const pauses = tickedMs.slice(1).map((ms, i) => ms - tickedMs[i]!);
    expect(pauses.length).toBeGreaterThan(90);
    expect(Math.max(...pauses)).toBeLessThan(PROCESS_STALL_MS / 2);
  });
});

describe("a lost sideband", () => {
  it("is attached again; what a tool answered meanwhile is told once it is there", async () => {
    const b = sipBench();
    const first = await talking(b);
    const call = { callId: "c1" as ToolCallId, name: "lookup_order", arguments: "{}" };
    first.events.responseDone({
      responseId: "r1" as ResponseId,
      status: "completed",
      calls: [call],
      spoke: false,
      problem: null,
      retryAfterMs: null,
      textOnly: null,
      mcpCalls: [],
      phase: null,
    });
    first.life.lost({ code: "upstream_closed", retryable: true, detail: "1006" });
    await settle();
    expect(b.sidebands).toHaveLength(2);
    const run = {
      ...call,
      metricName: "lookup_order",
      output: "found",
      ms: 5,
      outcome: "ok",
    } as const;
    b.toolRuns[0]?.({ runs: [run], disposition: null });
    expect(b.sidebands[1]?.told).toEqual([]);
    b.sidebands[1]?.life.ready();
    expect(b.sidebands[1]?.told).toEqual([
      expect.stringMatching(/^toolResults .*"callId":"c1".*true/),
    ]);
    expect(b.openai).toEqual(["accept rtc_1"]);
    expect(b.calls.find(SID)?.state.name).toBe("talking");
  });
});

describe("a lost model", () => {
  const LOST = { code: "upstream_refused", retryable: false, detail: "404" } as const;
  const HOLD = (hold: boolean) => `update ${SID} ${JSON.stringify({ hold })}`;

  /** The first model is gone, and a second one has been called in. */
  async function again(b: SipBench): Promise<FakeSideband> {
    (await talking(b)).life.lost(LOST);
    await pass(b.clock, 500);
    expect(b.participants).toHaveLength(2);
    await b.calls.invited(invite(b.participants[1], "rtc_2"));
    await settle();
    const [, second] = b.sidebands;
    if (second === undefined) throw new Error("no second sideband");
    return second;
  }

  it("is followed by another that knows the conversation; the caller hears music meanwhile", async () => {
    const b = sipBench();
    const second = await again(b);
    expect(b.twilio).toEqual([`hangUp ${sid(101)}`, HOLD(true)]);
    second.life.ready();
    await settle();
    expect(b.twilio.at(-1)).toBe(HOLD(false));
    expect(second.told.join()).toContain("Apologise");
    expect(b.openai).toEqual(["accept rtc_1", "hangUp rtc_1", "accept rtc_2"]);
    expect(b.metrics.count("upstreamReconnects", { outcome: "ok" })).toBe(1);
    expect(b.begun).toEqual([]);
  });

  it("is followed by the fallback when the second does not come", async () => {
    const b = sipBench();
    (await talking(b)).life.lost(LOST);
    await pass(b.clock, 9_500);
    expect(b.begun).toEqual([`${SID} desk failure`]);
    expect(b.metrics.count("upstreamReconnects", { outcome: "failed" })).toBe(1);
  });

  it("is followed by the fallback when the second is lost, too", async () => {
    const b = sipBench();
    const second = await again(b);
    second.life.ready();
    await settle();
    second.life.lost(LOST);
    await pass(b.clock, 1_000);
    expect(b.begun).toEqual([`${SID} desk failure`]);
    expect(b.participants).toHaveLength(2);
  });

  it("is followed by the fallback at once when another would fare no better", async () => {
    const b = sipBench();
    (await talking(b)).life.lost({ code: "upstream_account", retryable: false, detail: "quota" });
    await pass(b.clock, 500);
    expect(b.begun).toEqual([`${SID} desk failure`]);
    expect(b.participants).toHaveLength(1);
  });

  it("is nothing but a hang-up when the caller is gone, too", async () => {
    const b = sipBench({ hold: () => Promise.reject(new RelayError("caller_gone", "20404")) });
    (await talking(b)).life.lost(LOST);
    await pass(b.clock, 1_000);
    expect(b.journal.record(SID)).toMatchObject({
      outcome: "completed",
      endReason: "caller_hung_up",
    });
    expect(b.participants).toHaveLength(1);
    expect(b.begun).toEqual([]);
  });

  it("does not end the second by late news of its own end", async () => {
    const b = sipBench();
    const second = await again(b);
    const left = { StatusCallbackEvent: "participant-leave", ParticipantLabel: "virtual agent" };
    conference(b, { ...left, CallSid: sid(101) });
    legStatus(b, 1, { CallSid: sid(101), CallStatus: "completed" });
    second.life.ready();
    second.speaks("r1");
    // The patience with the first model ends about now.
    await pass(b.clock, 9_000);
    expect(b.calls.find(SID)?.state.name).toBe("talking");
    expect(b.begun).toEqual([]);
  });
});

describe("a process that stops", () => {
  it("sends its callers to the fallback by command, and ends the model's legs", async () => {
    const b = sipBench();
    await talking(b);
    await b.calls.stop();
    expect(b.twilio.join()).toContain(`redirect ${SID} [{"verb":"say","text":"fallback"}]`);
    expect(b.openai).toEqual(["accept rtc_1", "hangUp rtc_1"]);
    expect(b.journal.record(SID)).toMatchObject({
      state: "ended",
      outcome: "failed",
      endReason: "drained",
    });
    expect(b.registry.load).toBe(0);
  });

  it("asks again where Twilio fails: a caller without a model would hear music for hours", async () => {
    let failures = 0;
    const b = sipBench({
      redirect: async () => {
        if (++failures < 4) throw new RelayError("twilio_unavailable", "500", { retryable: true });
      },
    });
    await talking(b);
    const done = b.calls.stop();
    await pass(b.clock, 2_000);
    await done;
    const redirects = b.twilio.filter((line) => line.startsWith("redirect"));
    expect([redirects.length, failures]).toEqual([4, 4]);
    expect(b.log.lines.join()).not.toContain("not sent to the fallback");
  });

  it("waits no longer than three seconds for Twilio", async () => {
    const b = sipBench({ redirect: () => new Promise(() => {}) });
    await b.calls.incomingSip(FORM);
    let stopped = false;
    const done = b.calls.stop().then(() => {
      stopped = true;
    });
    await pass(b.clock, 2_900);
    expect(stopped).toBe(false);
    await pass(b.clock, 100);
    await done;
    expect(b.registry.load).toBe(0);
  });
});

describe("a call straight from a trunk", () => {
  const trunk = {
    callId: "rtc_9",
    claim: null,
    from: "+15550100009",
    dialled: "+15550001111",
  } as const;

  it("is transferred by REFER, and is over when its leg goes", async () => {
    const b = sipBench();
    await b.calls.invited(trunk);
    await settle();
    const [sideband] = b.sidebands;
    sideband?.life.ready();
    await settle();
    sideband?.events.key?.("0");
    await settle();
    expect(b.openai).toEqual(["accept rtc_9", "refer rtc_9 tel:+15551112222"]);
    sideband?.life.lost({ code: "upstream_refused", retryable: false, detail: "404" });
    await settle();
    expect(b.journal.record("rtc_9" as CallSid)).toMatchObject({
      outcome: "transferred",
      transfer: { kind: "refer", outcome: "answered", by: "key" },
    });
    expect(b.twilio).toEqual([]);
  });

  it("goes on when the carrier does nothing, and the model is told", async () => {
    const b = sipBench();
    await b.calls.invited(trunk);
    await settle();
    const [sideband] = b.sidebands;
    sideband?.life.ready();
    await settle();
    sideband?.events.key?.("0");
    await pass(b.clock, 7_000);
    expect(sideband?.told.join()).toContain("did not work");
    expect(b.calls.find("rtc_9" as CallSid)?.state.name).toBe("talking");
    expect(b.journal.record("rtc_9" as CallSid)?.transfer).toMatchObject({ outcome: "failed" });
  });
});

describe("a supervisor's line", () => {
  const APP_SID = `AP${"7".repeat(32)}`;
  const APP_LEG = { CallSid: sid(9) };

  it("is connected while a supervisor has taken over, and only then", async () => {
    const b = sipBench({ supervisorAppSid: APP_SID });
    await talking(b);
    const link = { kind: "line", call: SID, line: "1" } as const;
    expect(await b.calls.transferStatus(APP_LEG, link)).toEqual([{ verb: "hangup" }]);
    const call = b.registry.sip(SID)!;
    expect(call.execute({ type: "take_over", by: "ada", listener: 1 })).toBeNull();
    expect(b.participants.at(-1)?.to).toBe(`app:${APP_SID}?call=${SID}&line=1`);
    expect(await b.calls.transferStatus(APP_LEG, link)).toMatchObject([
      { verb: "connect_stream", parameters: { call: SID, line: "1" } },
    ]);
    expect(await b.calls.transferStatus({}, link)).toEqual([{ verb: "hangup" }]);
    expect(call.execute({ type: "hand_back", by: "ada", reason: "asked", note: null })).toBeNull();
    expect(await b.calls.transferStatus(APP_LEG, link)).toEqual([{ verb: "hangup" }]);
  });

  it("keeps its caller off hold while the model is replaced, and off the fallback until the end", async () => {
    const b = sipBench({ supervisorAppSid: APP_SID });
    await talking(b);
    const call = b.registry.sip(SID)!;
    call.execute({ type: "take_over", by: "ada", listener: 1 });
    const leg = { media: () => undefined, close: () => undefined } as unknown as MediaLeg;
    call.path.takeover!.line.claim("1", leg);
    await settle();
    b.twilio.length = 0;
    call.path.dispatch({ type: "leg_ended" });
    await pass(b.clock, 1_000);
    expect(call.state.name).toBe("redialing");
    // The other one does not come.
    await pass(b.clock, 1_000);
    call.path.dispatch({ type: "add_failed", code: "twilio_rejected" });
    await settle();
    expect([call.state.name, call.takeover.isOn]).toEqual(["redialing", true]);
    expect(b.twilio.filter((line) => line.includes(SID))).toEqual([]);
    call.execute({ type: "hand_back", by: "ada", reason: "asked", note: null });
    await pass(b.clock, 500);
    expect([call.state.name, b.begun]).toEqual(["handing_over", [`${SID} desk failure`]]);
  });

  it("keeps what is for the model until it is off hold", async () => {
    let answer = (): void => undefined;
    const b = sipBench({
      supervisorAppSid: APP_SID,
      hold: () => new Promise((resolve) => (answer = resolve)),
    });
    const { told } = await talking(b);
    const call = b.registry.sip(SID)!;
    call.execute({ type: "take_over", by: "ada", listener: 1 });
    const leg = { media: () => undefined, close: () => undefined } as unknown as MediaLeg;
    call.path.takeover!.line.claim("1", leg);
    await settle();
    answer();
    call.execute({ type: "hand_back", by: "ada", reason: "asked", note: null });
    await settle();
    told.length = 0;
    expect(b.twilio.at(-1)).toBe('update virtual agent {"hold":false}');
    expect(call.execute({ type: "say", by: "ben", text: "Bye." })).toBe("not_live");
    expect(call.execute({ type: "note", by: "ben", text: "A VIP." })).toBeNull();
    expect([call.isTalking, call.session]).toEqual([false, null]);
    expect(told).toEqual([]);
    answer();
    await settle();
    expect(told.map((text) => /VIP|ada|requestResponse/.exec(text)?.[0])).toEqual([
      "VIP",
      "ada",
      "requestResponse",
    ]);
    expect(call.execute({ type: "say", by: "ben", text: "Bye." })).toBeNull();
  });

  it("that ends with its process brings the model back to the caller", async () => {
    const b = sipBench({ supervisorAppSid: APP_SID });
    await talking(b);
    const ended = (call: CallSid) =>
      b.calls.transferStatus(APP_LEG, { kind: "line_ended", call, line: "1" });
    b.twilio.length = 0;
    expect(await ended(SID)).toEqual([{ verb: "hangup" }]);
    // This process has the call, and knows by its stream.
    expect(b.twilio).toEqual([]);
    expect(await ended(sid(8))).toEqual([{ verb: "hangup" }]);
    expect(b.twilio.splice(0)).toEqual(['update virtual agent {"hold":false}']);
    // It died before the App was asked what to do; or nothing but their leaving is told.
    const link = { kind: "line", call: sid(8), line: "1" } as const;
    expect(await b.calls.transferStatus(APP_LEG, link)).toEqual([{ verb: "hangup" }]);
    const left = { StatusCallbackEvent: "participant-leave", ParticipantLabel: "supervisor" };
    b.calls.callback("conference-events", left, { kind: "conference", call: sid(8) });
    b.calls.callback("conference-events", left, { kind: "conference", call: SID });
    expect(b.twilio).toHaveLength(2);
  });

  it("brings the model back by the third request where Twilio is busy for a moment", async () => {
    let refused = 0;
    const b = sipBench({
      supervisorAppSid: APP_SID,
      hold: async () => {
        if (++refused < 3) throw new RelayError("twilio_busy", "", { retryable: true });
      },
    });
    const link = { kind: "line_ended", call: sid(8), line: "1" } as const;
    await b.calls.transferStatus(APP_LEG, link);
    await pass(b.clock, 500);
    expect(b.twilio).toHaveLength(2);
    await pass(b.clock, 60_000);
    expect(b.twilio).toEqual(Array(3).fill('update virtual agent {"hold":false}'));
  });

  it("asks Twilio a few times for a model that does not come back, and once for one that is gone", async () => {
    const asked = async (error: RelayError) => {
      const b = sipBench({ supervisorAppSid: APP_SID, hold: () => Promise.reject(error) });
      const link = { kind: "line_ended", call: sid(8), line: "1" } as const;
      await b.calls.transferStatus(APP_LEG, link);
      await pass(b.clock, 60_000);
      return b.twilio.length;
    };
    const retryable = { retryable: true };
    expect(await asked(new RelayError("twilio_unavailable", "", retryable))).toBe(8);
    expect(await asked(new RelayError("twilio_rejected", ""))).toBe(1);
    expect(await asked(new RelayError("caller_gone", ""))).toBe(1);
  });

  describe("when its process is found dead and Twilio could ask no other", () => {
    const kept = { agent: "support", from: "+1", to: "+2", callToken: null, callId: "rtc_1" };
    const gone = () => Promise.reject(new RelayError("caller_gone", ""));
    const ASKED = 'update supervisor {"endConferenceOnExit":false}';
    const BACK = 'update virtual agent {"hold":false}';

    async function lost(more: Parameters<typeof sipBench>[0], hold = lineIsGone) {
      const b = sipBench({ supervisorAppSid: APP_SID, hold, ...more });
      b.calls.processLost(sid(8));
      await pass(b.clock, 60_000);
      return b;
    }

    async function lineIsGone(_change: unknown, who: string): Promise<void> {
      if (who === "supervisor") await gone();
    }

    it("has its model brought back", async () => {
      const { twilio } = await lost({ states: new Map([[sid(8), kept]]) });
      expect(twilio).toEqual([ASKED, BACK]);
    });

    it("is left alone where the supervisor is still there: the process lives", async () => {
      const b = await lost({ states: new Map([[sid(8), kept]]) }, async () => undefined);
      expect(b.twilio).toEqual([ASKED]);
    });

    it("has its model brought back where Twilio does not say", async () => {
      const refuse = async (_change: unknown, who: string): Promise<void> => {
        if (who === "supervisor") throw new RelayError("twilio_rejected", "");
      };
      const { twilio } = await lost({ states: new Map([[sid(8), kept]]) }, refuse);
      expect(twilio).toEqual([ASKED, BACK]);
    });

    it("is not looked up where no supervisor can have spoken, or where it had ended", async () => {
      const { twilio } = await lost({ states: new Map() });
      expect(twilio).toEqual([]);
      const without = sipBench({ states: new Map([[sid(8), kept]]) });
      without.calls.processLost(sid(8));
      await settle();
      expect(without.twilio).toEqual([]);
    });

    it("is left alone where this process has taken it over", async () => {
      const b = sipBench({ supervisorAppSid: APP_SID });
      await talking(b);
      b.twilio.length = 0;
      b.calls.processLost(SID);
      await settle();
      expect(b.twilio).toEqual([]);
    });

    it("waits while four others are looked at", async () => {
      const sids = Array.from({ length: 50 }, (_, i) => sid(100 + i));
      const ends: (() => void)[] = [];
      let most = 0;
      const b = sipBench({
        supervisorAppSid: APP_SID,
        states: new Map(sids.map((one) => [one, kept])),
        hold: (_change: unknown, who: string) => {
          if (who !== "supervisor") return Promise.resolve();
          return new Promise<void>((resolve) => {
            most = Math.max(most, ends.push(resolve));
          });
        },
      });
      for (const one of sids) b.calls.processLost(one);
      for (let i = 0; i < sids.length; i++) {
        await settle();
        ends.shift()?.();
      }
      await settle();
      expect([most, b.twilio.length]).toEqual([4, sids.length]);
    });
  });

  it("leaves the caller with the model until it is connected, and then cuts what is being said", async () => {
    const b = sipBench({ supervisorAppSid: APP_SID });
    const sideband = await talking(b);
    const call = b.registry.sip(SID)!;
    sideband.told.length = 0;
    b.twilio.length = 0;
    call.execute({ type: "take_over", by: "ada", listener: 1 });
    await settle();
    expect([sideband.told, b.twilio]).toEqual([[], []]);
    // The model answers the caller meanwhile.
    sideband.events.responseStarted("resp_1" as ResponseId);
    sideband.events.agentText("item_1" as ItemId, "Well, ", false);
    sideband.events.playback?.("started", "resp_1" as ResponseId);
    const leg = { media: () => undefined, close: () => undefined } as unknown as MediaLeg;
    call.path.takeover!.line.claim("1", leg);
    await settle();
    expect(sideband.told).toEqual(["stopSpeaking [true]"]);
    expect(call.path.isSilent(b.clock.nowMs())).toBe(true);
    expect(b.twilio).toEqual([expect.stringMatching(/^update virtual agent {"hold":true/)]);
  });

  it("is not available without a TwiML App", async () => {
    const b = sipBench();
    await talking(b);
    const call = b.registry.sip(SID)!;
    expect(call.execute({ type: "take_over", by: "ada", listener: 1 })).toBe("path");
  });
});
