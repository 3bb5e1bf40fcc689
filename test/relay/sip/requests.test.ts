import { beforeEach, describe, expect, it } from "vitest";
import { RefusedError, RelayError } from "../../../src/domain/errors.js";
import type { RecordEvent } from "../../../src/domain/record-event.js";
import type { NewParticipant } from "../../../src/ports/twilio.js";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import type { CallContext } from "../../../src/relay/call/call-path.js";
import { StreamTokens } from "../../../src/relay/calls/stream-token.js";
import type { ConferenceInput } from "../../../src/relay/sip/conference-events.js";
import { ConferenceRequests } from "../../../src/relay/sip/conference-requests.js";
import { conferenceTwiml } from "../../../src/relay/sip/conference-twiml.js";
import { ModelCalls } from "../../../src/relay/sip/model-calls.js";
import { ModelLegs } from "../../../src/relay/sip/model-legs.js";
import type { RealtimeSession } from "../../../src/wire/realtime-client.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { settle } from "../../fakes/sip-bench.js";

const PUBLIC_URL = "https://relay.test";

let clock: FakeClock;
let log: FakeLog;
let metrics: FakeMetrics;
let events: RecordEvent[];
let told: ConferenceInput[];
let asked: string[];
/** What the next requests end with; without one they succeed. */
let errors: (RelayError | undefined)[];
/** Whether the caller is on hold, each time that Twilio is asked. */
let held: (() => Promise<boolean>)[];

beforeEach(() => {
  clock = new FakeClock();
  log = new FakeLog();
  metrics = new FakeMetrics();
  events = [];
  told = [];
  asked = [];
  errors = [];
  held = [];
});

const failure = (code: RelayError["code"], retryable = false) =>
  new RelayError(code, code, { retryable });

async function request(text: string): Promise<void> {
  asked.push(text);
  const error = errors.shift();
  if (error !== undefined) throw error;
}

function context(from = "+15550001111", callToken: string | null = "token"): CallContext {
  const parties = {
    callSid: sid(1),
    from,
    to: "+15550002222",
    direction: "inbound",
    callToken,
  } as const;
  const eventLog = new CallEventLog(sid(1), { write: (_, event) => void events.push(event) }, () =>
    clock.nowMs(),
  );
  const deps = { clock, metrics: metrics.metrics };
  return { parties, agent: agent(), log, eventLog, deps } as unknown as CallContext;
}

const tell = (input: ConferenceInput) => void told.push(input);

describe("a model's call", () => {
  const profile = {
    model: "gpt-realtime",
    voice: "marin",
    instructions: "Be brief.",
    turnDetection: agent().turnDetection,
    noiseReduction: null,
    transcription: { model: "gpt-live-transcribe", language: null },
    tools: [{ type: "function" as const, name: "t", description: "", parameters: {} }],
  };
  /** What each `accept` asked for. */
  let sessions: RealtimeSession[] = [];
  beforeEach(() => {
    sessions = [];
  });

  function modelCalls(): ModelCalls {
    const sip = {
      accept: (callId: string, session: object) => {
        sessions.push(session as RealtimeSession);
        return request(`accept ${callId}`);
      },
      reject: (callId: string, status: number) => request(`reject ${callId} ${status}`),
      hangUp: (callId: string) => request(`hangUp ${callId}`),
      refer: () => request("refer"),
    };
    const transcripts = { refused: () => void asked.push("no transcripts") };
    return new ModelCalls(context(), sip, { profile, transcripts }, tell);
  }

  it("is accepted, at once or after a pause; a second request takes the first one's place", async () => {
    const calls = modelCalls();
    calls.accept("rtc_1", 1, 500);
    calls.accept("rtc_1", 2, 300);
    clock.advance(299);
    expect(asked).toEqual([]);
    clock.advance(300);
    await settle();
    expect(asked).toEqual(["accept rtc_1"]);
    expect(told).toEqual([{ type: "accepted", callId: "rtc_1" }]);
  });

  it.each([
    [1, true, 150],
    [2, true, 500],
    [3, true, 1_200],
    [4, true, null],
    [1, false, null],
  ])(
    "not accepted by try %i (retryable: %s): the next after %s ms",
    async (tries, can, pauseMs) => {
      errors = [failure("upstream_timeout", can)];
      modelCalls().accept("rtc_1", tries, 0);
      await settle();
      expect(told).toEqual([
        { type: "accept_failed", callId: "rtc_1", code: "upstream_timeout", pauseMs, tries },
      ]);
      expect(events).toMatchObject([{ type: "note", name: "accept_failed" }]);
    },
  );

  it("is accepted without the parts that are refused, which are counted", async () => {
    const refusal = (param: string) =>
      new RefusedError("upstream_rejected", "400", { param, said: null });
    errors = [refusal("audio.input.transcription.model"), refusal("tools[0]")];
    modelCalls().accept("rtc_1", 1, 0);
    await settle();
    expect(asked).toEqual(["accept rtc_1", "no transcripts", "accept rtc_1", "accept rtc_1"]);
    expect(
      sessions.map(({ audio, tools }) => [audio?.input?.transcription, tools?.length]),
    ).toEqual([
      [{ model: "gpt-live-transcribe" }, 1],
      [null, 1],
      [null, 0],
    ]);
    expect(told).toEqual([{ type: "accepted", callId: "rtc_1" }]);
    expect(events).toMatchObject([
      { name: "session_part_refused", fields: { part: "transcription", tool: null } },
      { name: "session_part_refused", fields: { part: "tool", tool: "t" } },
    ]);
    expect(metrics.count("sessionPartsRefused")).toBe(2);
  });

  it("keeps what was refused in mind when a later try is repeated", async () => {
    const refused = { param: "audio.input.transcription", said: null };
    errors = [
      new RefusedError("upstream_rejected", "400", refused),
      failure("upstream_timeout", true),
    ];
    const calls = modelCalls();
    calls.accept("rtc_1", 1, 0);
    await settle();
    calls.accept("rtc_1", 2, 0);
    await settle();
    expect(sessions.at(-1)?.audio?.input?.transcription).toBeNull();
  });

  it.each([
    ["names what a call cannot do without", "model"],
    ["names nothing", null],
  ])("is not accepted again when the refusal %s", async (_, param) => {
    errors = [new RefusedError("upstream_rejected", "400", { param, said: null })];
    modelCalls().accept("rtc_1", 1, 0);
    await settle();
    expect(told).toEqual([
      {
        type: "accept_failed",
        callId: "rtc_1",
        code: "upstream_rejected",
        pauseMs: null,
        tries: 1,
      },
    ]);
    expect(sessions).toHaveLength(1);
  });

  it("is accepted no more once the call is over", () => {
    const calls = modelCalls();
    calls.accept("rtc_1", 2, 500);
    calls.stop();
    clock.advance(1_000);
    expect([asked, clock.pending]).toEqual([[], 0]);
  });

  it("is hung up until the answer is that it is gone, five times at most", async () => {
    const calls = modelCalls();
    errors = [failure("upstream_timeout", true), failure("caller_gone")];
    calls.hangUp("rtc_1");
    await settle();
    clock.advance(60_000);
    await settle();
    expect(asked).toEqual(["hangUp rtc_1", "hangUp rtc_1"]);
    expect(log.lines).toEqual([]);
    asked = [];
    errors = Array.from({ length: 9 }, () => failure("upstream_timeout", true));
    calls.hangUp("rtc_2");
    for (let i = 0; i < 9; i++) {
      await settle();
      clock.advance(60_000);
    }
    expect(asked).toHaveLength(5);
    expect(log.lines.join()).toContain("sip: model's leg not hung up");
  });

  it("that is not awaited is rejected as unavailable", async () => {
    errors = [failure("caller_gone")];
    modelCalls().reject("rtc_1");
    await settle();
    expect([asked, log.lines]).toEqual([["reject rtc_1 480"], []]);
  });
});

describe("the caller in their conference", () => {
  function requests(): ConferenceRequests {
    const control = {
      hangUp: (callSid: string) => request(`hangUp ${callSid}`),
      removeParticipant: (room: string, who: string) => request(`remove ${room} ${who}`),
      updateParticipant: (room: string, who: string, change: object) =>
        request(`${room} ${who} ${JSON.stringify(change)}`),
      isOnHold: async (room: string, who: string) => {
        asked.push(`held? ${room} ${who}`);
        return (await held.shift()?.()) ?? false;
      },
    };
    return new ConferenceRequests(context(), { control, publicUrl: PUBLIC_URL }, tell);
  }

  it.each([
    ["done", undefined, false, 0],
    ["failed", failure("twilio_timeout", true), false, 1],
    ["pointless, because they are gone", failure("caller_gone"), true, 0],
  ])("goes on hold: the request is %s", async (_, error, callerGone, warnings) => {
    errors = [error];
    requests().hold(true);
    await settle();
    expect(asked[0]).toContain(`${sid(1)} {"hold":true}`);
    expect(told).toEqual([{ type: "hold_done", callerGone }]);
    expect(log.lines).toHaveLength(warnings);
  });

  it("is taken off hold again where that is refused, and is stuck after five requests", async () => {
    errors = Array(5).fill(failure("twilio_unavailable", true));
    requests().hold(false);
    for (let n = 0; n < 10; n++) {
      await settle();
      clock.advance(4_000);
    }
    expect(asked).toEqual(Array(5).fill(expect.stringContaining('{"hold":false}')));
    expect(told.at(-1)).toEqual({ type: "caller_stuck" });
  });

  const QUESTION = `held? murelay-${sid(1)} ${sid(1)}`;
  async function wait(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 500) {
      await settle();
      clock.advance(500);
    }
    await settle();
  }

  it("is taken off hold again where Twilio agrees in vain, and is stuck then", async () => {
    held = Array(9).fill(async () => true);
    requests().hold(false);
    await wait(1_500);
    expect(asked.slice(1)).toEqual([QUESTION]);
    expect(log.lines.join()).toContain("sip: still on hold");
    await wait(60_000);
    expect(asked.filter((line) => line.includes('{"hold":false}'))).toHaveLength(5);
    expect(told.filter(({ type }) => type === "caller_stuck")).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ["off hold", async () => false],
    ["gone", () => Promise.reject(failure("caller_gone"))],
  ])("is asked after once where the answer is that they are %s", async (_, answer) => {
    held = [answer];
    requests().hold(false);
    await wait(60_000);
    expect([asked.slice(1), log.lines, clock.pending]).toEqual([[QUESTION], [], 0]);
  });

  it("is asked after three times where there is no answer, and left alone then", async () => {
    held = Array(9).fill(() => Promise.reject(failure("twilio_timeout", true)));
    requests().hold(false);
    await wait(60_000);
    expect(asked.slice(1)).toEqual([QUESTION, QUESTION, QUESTION]);
    expect(told).toEqual([{ type: "hold_done", callerGone: false }]);
    expect(log.lines).toHaveLength(1);
  });

  it("is not asked after where they are to be on hold by then", async () => {
    const one = requests();
    one.hold(false);
    await settle();
    one.hold(true);
    await wait(60_000);
    expect(asked).not.toContain(QUESTION);
  });

  it("stays on hold where a later request wants that while taking them off is refused", async () => {
    errors = [failure("twilio_unavailable", true)];
    const one = requests();
    one.hold(false);
    await settle();
    one.hold(true);
    await settle();
    clock.advance(60_000);
    await settle();
    expect(asked.map((line) => line.includes("true"))).toEqual([false, true]);
  });

  it("hears an announcement in their language while they wait", async () => {
    expect(requests().comfort("de")).toBe(2_500);
    await settle();
    const [, json] = /(\{.*\})/.exec(asked[0] ?? "") ?? [];
    const { announceUrl } = JSON.parse(json ?? "{}") as { announceUrl: string };
    expect(announceUrl).toContain(`${PUBLIC_URL}/transfer-status?`);
    expect(new URL(announceUrl).searchParams.get("language")).toBe("de");
  });

  it("is hung up on, and is not missed where they are gone already", async () => {
    errors = [failure("caller_gone")];
    requests().hangUpCaller();
    await settle();
    expect([asked, log.lines]).toEqual([[`hangUp ${sid(1)}`], []]);
  });

  /** All that is asked of Twilio until nothing more is tried. */
  async function hungUp(): Promise<string[]> {
    requests().hangUpCaller();
    for (let n = 0; n < 12; n++) {
      await settle();
      clock.advance(16_000);
    }
    return asked;
  }
  const HANG_UP = `hangUp ${sid(1)}`;
  const TAKE_OUT = `remove murelay-${sid(1)} ${sid(1)}`;

  it("is hung up on by a later request where the first ones fail", async () => {
    errors = [
      failure("twilio_unavailable", true),
      failure("twilio_rejected"),
      failure("twilio_timeout", true),
    ];
    expect(await hungUp()).toEqual([...Array(4).fill(HANG_UP), TAKE_OUT]);
    expect(log.lines).toHaveLength(3);
  });

  it.each([
    ["accepted", undefined],
    ["refused for a caller who is gone", failure("caller_gone")],
  ])(
    "is taken out of the conference where a hang-up is %s and they are there",
    async (_, error) => {
      errors = [error, failure("twilio_unavailable", true)];
      expect(await hungUp()).toEqual([HANG_UP, TAKE_OUT, TAKE_OUT]);
    },
  );

  it("is hung up on eight times at most", async () => {
    errors = Array(20).fill(failure("twilio_unavailable", true));
    expect(await hungUp()).toEqual(Array(8).fill(HANG_UP));
  });

  it("is led there with callbacks of every arrival and departure, behind the announcement", () => {
    const [say, dial] = conferenceTwiml(context(), PUBLIC_URL, "This call is recorded.");
    expect(say).toEqual({ verb: "say", text: "This call is recorded.", language: "en" });
    expect(dial).toMatchObject({
      verb: "dial",
      target: {
        type: "conference",
        label: "customer",
        startConferenceOnEnter: false,
        endConferenceOnExit: true,
        statusCallback: { events: ["start", "end", "join", "leave"] },
      },
    });
    expect(conferenceTwiml(context(), PUBLIC_URL, null)).toHaveLength(1);
  });
});

describe("a leg to the model", () => {
  let participants: NewParticipant[];
  let hungUp: string[];
  let isAwaited: boolean;
  let failed: string[];

  beforeEach(() => {
    participants = [];
    hungUp = [];
    isAwaited = true;
    failed = [];
  });

  function legs(call = context()): ModelLegs {
    const control = {
      createParticipant: async (participant: NewParticipant) => {
        participants.push(participant);
        await request("add");
        return { callSid: sid(100 + participants.length), conferenceSid: "CF1" };
      },
      hangUp: async (callSid: string) => void hungUp.push(callSid),
    };
    const tokens = new StreamTokens(["secret"], clock);
    return new ModelLegs(
      call,
      { control, tokens, projectId: "proj_1", publicUrl: PUBLIC_URL },
      {
        isAwaited: () => isAwaited,
        failed: (code) => void failed.push(code),
      },
    );
  }

  async function wait(ms: number): Promise<void> {
    await settle();
    clock.advance(ms);
    await settle();
  }

  it("shows the caller's number, with Twilio's proof of the right to it", () => {
    legs().dial();
    expect(participants[0]).toMatchObject({ from: "+15550001111", callToken: "token" });
    expect(participants[0]?.to).toMatch(/^sip:proj_1@sip\.api\.openai\.com;transport=tls\?/);
  });

  it.each(["anonymous", "sip:ann@example.com"])("shows our number for %s", (from) => {
    legs(context(from)).dial();
    expect(participants[0]?.from).toBe("+15550002222");
    expect(participants[0]).not.toHaveProperty("callToken");
  });

  it("is asked for with our number where Twilio refuses the caller's", async () => {
    errors = [failure("twilio_rejected")];
    legs().dial();
    await wait(0);
    expect(participants.map(({ from }) => from)).toEqual(["+15550001111", "+15550002222"]);
  });

  it.each([
    ["twilio_busy", false, 300],
    // Nothing but Twilio's answer says that the caller is gone.
    ["caller_gone", false, 300],
    ["twilio_timeout", true, 1_500],
  ] as const)("is asked for three times after %s (retryable: %s)", async (code, can, pauseMs) => {
    errors = [failure(code, can), failure(code, can), failure(code, can)];
    legs().dial();
    for (let i = 0; i < 5; i++) await wait(pauseMs);
    expect([participants.length, failed]).toEqual([3, ["upstream_unreachable"]]);
  });

  it("is not asked for again when the answer was lost and the leg shows", async () => {
    errors = [failure("twilio_timeout", true)];
    const one = legs();
    one.dial();
    await settle();
    one.status({ CallSid: sid(9), CallStatus: "ringing" }, 1);
    await wait(1_500);
    expect([participants.length, failed]).toEqual([1, []]);
  });

  it("is not asked for again where the caller is gone", async () => {
    errors = [failure("caller_gone")];
    legs().dial();
    isAwaited = false;
    for (let i = 0; i < 5; i++) await wait(300);
    expect([participants.length, failed]).toEqual([1, []]);
  });

  it("goes when another one was taken, or none is awaited any more", async () => {
    const one = legs();
    one.dial();
    await settle();
    one.dial();
    await settle();
    one.take(2);
    expect(hungUp).toEqual([sid(101)]);
    isAwaited = false;
    const late = legs();
    late.dial();
    await settle();
    expect(hungUp).toEqual([sid(101), sid(103)]);
  });

  it("is over once, however often it is told", async () => {
    const one = legs();
    one.dial();
    await settle();
    one.take(1);
    const ended = { CallSid: sid(101), CallStatus: "completed" };
    expect(one.status({ CallSid: sid(101), CallStatus: "in-progress" }, 1)).toBe(false);
    expect(one.status(ended, 1)).toBe(true);
    expect(one.left({ CallSid: sid(101) })).toBe(false);
    expect(one.status(ended, 7)).toBe(false);
  });
});
