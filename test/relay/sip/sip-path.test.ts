import { describe, expect, it } from "vitest";
import type { AgentProfile } from "../../../src/domain/agent-profile.js";
import type { ItemId, ResponseId } from "../../../src/domain/ids.js";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import type { CallContext, CallPathHost } from "../../../src/relay/call/call-path.js";
import type { ModelSession } from "../../../src/relay/model/model-session.js";
import type { SipPathDeps } from "../../../src/relay/sip/conference-effects.js";
import { type SipPath, sipPaths } from "../../../src/relay/sip/sip-path.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { settle } from "../../fakes/sip-bench.js";
import { Told } from "../../fakes/told.js";

const ITEM = "item_1" as ItemId;
const RESPONSE = "resp_1" as ResponseId;
const WARM = {
  ...agent().transfer,
  destinations: new Map([
    ["colleague", { kind: "warm", timeoutS: 20 }],
    ["desk", { kind: "dial" }],
  ]) as unknown as AgentProfile["transfer"]["destinations"],
};

function stage(kind: "conference" | "trunk" = "conference") {
  const told = new Told();
  const clock = new FakeClock();
  const ask = (name: string) => told.keep(name, Promise.resolve());
  const events: { type: string }[] = [];
  const context = {
    parties: {
      callSid: sid(7),
      from: "+15550100001",
      to: "+15550001111",
      direction: "inbound",
      callToken: null,
    },
    agent: agent({ transfer: WARM }),
    log: new FakeLog(),
    eventLog: new CallEventLog(sid(7), { write: (_, event) => void events.push(event) }, () =>
      clock.nowMs(),
    ),
    limits: told.all("limits", "started"),
    deps: { clock, metrics: new FakeMetrics().metrics },
    tap: null,
  };
  const host = {
    profile: {
      model: "m",
      voice: "marin",
      instructions: "",
      turnDetection: agent().turnDetection,
      noiseReduction: null,
      transcription: null,
      tools: [],
    },
    language: "en",
    announcement: "Welcome.",
    dispatch: ({ type }: { type: string }) => void told.lines.push(`dispatch ${type}`),
    ...told.all(
      "host",
      ...(["dial", "callerArrived", "modelLost", "closeSession", "playbackMoved", "tick"] as const),
      ...(["speechBegan", "modelUnavailable"] as const),
    ),
  };
  const deps = {
    control: {
      createParticipant: async () => {
        told.lines.push("twilio.add");
        return { callSid: sid(100), conferenceSid: "CF1" };
      },
      updateParticipant: ask("twilio.update"),
      isOnHold: async () => false,
      hangUp: ask("twilio.hangUp"),
    },
    sip: { accept: ask("accept"), reject: ask("reject"), hangUp: ask("hangUp") },
    tokens: { issue: () => "token" },
    projectId: "proj_1",
    publicUrl: "https://relay.test",
    states: null,
    referred: () => false,
  };
  const paths = sipPaths(kind, deps as unknown as SipPathDeps);
  const path = paths.create(
    context as unknown as CallContext,
    host as unknown as CallPathHost,
  ) as SipPath;
  const ticked: number[] = [];
  const session = { tick: (nowMs: number) => void ticked.push(nowMs) } as unknown as ModelSession;
  /** A call in which the model talks. */
  const talk = async () => {
    path.modelRings("rtc_1", null, kind === "conference");
    await settle();
    path.attach(session);
    told.take();
  };
  return { path, paths, told, clock, session, ticked, events, talk };
}

describe("a call on the SIP path", () => {
  it("is not recorded by the flight recorder, and has no key tones and no stream", () => {
    const { path, paths } = stage();
    expect(paths).toMatchObject({ name: "sip", recordable: false });
    expect(path.capabilities).toMatchObject({ asksWhatFollows: false, keyTones: false });
    expect([path.hasStream, path.callerIsHere, path.mayMove]).toEqual([false, false, true]);
  });

  it("brings the caller into a conference, with the announcement the first time only", () => {
    const { path } = stage();
    expect(JSON.stringify(path.arrivalTwiml(true))).toContain("Welcome.");
    expect(JSON.stringify(path.arrivalTwiml(false))).not.toContain("Welcome.");
  });

  it("adds the model once Twilio says that the caller is in, or has not said so for a second", async () => {
    for (const isTold of [true, false]) {
      const { path, told, clock } = stage();
      path.arrivalTwiml(true);
      if (isTold)
        path.conferenceEvent({ StatusCallbackEvent: "participant-join", CallSid: sid(7) });
      else clock.advance(1_000);
      expect([path.callerIsHere, told.lines.includes("host.callerArrived")]).toEqual([true, true]);
    }
  });

  it("belongs to this process as soon as it has a model", async () => {
    const { path, talk } = stage();
    await talk();
    expect([path.callId, path.agentIsHere, path.mayMove]).toEqual(["rtc_1", true, false]);
  });

  it("ticks its session ten times a second, from the first session on", async () => {
    const { path, clock, talk, ticked, session } = stage();
    await talk();
    path.attach(session);
    clock.advance(300);
    expect(ticked).toEqual([100, 200, 300]);
    path.stop();
    clock.advance(300);
    expect(ticked).toHaveLength(3);
  });

  it("keeps the model with the caller during a warm transfer only", async () => {
    const { path, talk } = stage();
    const stays = (destination: string) =>
      path.agentStaysDuring({ destination } as Parameters<SipPath["agentStaysDuring"]>[0]);
    expect(stays("colleague")).toBe(false);
    await talk();
    expect([stays("colleague"), stays("desk"), stays("unknown")]).toEqual([true, false, false]);
  });

  it("loses a model for good after the call's end", async () => {
    const { path, told, talk } = stage();
    await talk();
    path.mute();
    path.sessionLost({ code: "upstream_closed", retryable: true, detail: "" });
    expect(told.lines).toContain("host.modelLost upstream_closed false");
  });

  it("hangs up the caller's leg, and leaves it where only a stream is to end", () => {
    const { path, told } = stage();
    path.close("stream_only");
    expect(told.lines).toEqual([]);
    path.close("hang_up");
    expect(told.lines[0]).toContain("twilio.hangUp");
  });
});

describe("what the caller hears on the SIP path", () => {
  it("is the model while the server plays, and music while there is no model", async () => {
    const { path, clock, talk } = stage();
    expect(path.heard(clock.nowMs()).soundUntilMs).toBe(0);
    await talk();
    clock.advance(5_000);
    expect([path.isSilent(5_000), path.heard(5_000).soundUntilMs]).toEqual([true, 0]);
    path.responseStarted(RESPONSE);
    path.agentText(ITEM, "Hello.", true);
    path.playback("started", RESPONSE);
    expect([path.isSilent(5_000), path.isHeardOut(), path.heard(5_000).soundUntilMs]).toEqual([
      false,
      false,
      5_000,
    ]);
    path.playback("stopped", RESPONSE);
    expect([path.isSilent(5_000), path.isHeardOut()]).toEqual([true, true]);
  });

  it("is a word of comfort only in silence, and never on a trunk", async () => {
    const { path, told, talk } = stage();
    await talk();
    path.playComfort(0, 0);
    expect(told.lines.join()).toContain("twilio.update");
    expect(path.heard(0).soundUntilMs).toBeGreaterThan(0);
    told.take();
    path.responseStarted(RESPONSE);
    path.agentText(ITEM, "Hello.", true);
    path.playback("started", RESPONSE);
    path.playComfort(1, 0);
    expect(told.lines.join()).not.toContain("twilio.update");
    const trunk = stage("trunk");
    await trunk.talk();
    trunk.path.playComfort(0, 0);
    expect(trunk.told.lines.join()).not.toContain("twilio.update");
  });

  it("knows when the caller spoke by the session's clock, never later than now", async () => {
    const { path, clock, talk, events } = stage();
    clock.advance(1_000);
    await talk();
    clock.advance(2_000);
    path.callerSpeech("started", ITEM, 1_500);
    path.callerSpeech("stopped", ITEM, 0);
    path.callerSpeech("started", "item_2" as ItemId, 9_000);
    const turns = events.filter(({ type }) => type === "caller_turn");
    expect(turns).toMatchObject([
      { startedMs: 2_500, endedMs: null },
      { startedMs: 2_500, endedMs: 3_000 },
      { startedMs: 3_000, endedMs: null },
    ]);
  });
});
