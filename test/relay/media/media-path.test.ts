import { describe, expect, it } from "vitest";
import type { AgentProfile } from "../../../src/domain/agent-profile.js";
import type { ItemId, ResponseId, StreamSid } from "../../../src/domain/ids.js";
import { BlockPool } from "../../../src/playout/block-pool.js";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import type { CallContext, CallPathHost } from "../../../src/relay/call/call-path.js";
import { FrameTicker } from "../../../src/relay/media/frame-ticker.js";
import type { MediaLeg } from "../../../src/relay/media/media-leg.js";
import { mediaPaths } from "../../../src/relay/media/media-path.js";
import type { ModelSession, SpeechItem } from "../../../src/relay/model/model-session.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { FakeLog } from "../../fakes/fake-ports.js";
import { Told } from "../../fakes/told.js";

const SPEECH: SpeechItem = {
  itemId: "item_1" as ItemId,
  responseId: "resp_1" as ResponseId,
  contentIndex: 0,
};
const LOST = { code: "upstream_closed", retryable: true, detail: "" } as const;

function stage(changes: Partial<AgentProfile> = {}, expectsCaller = true) {
  const told = new Told();
  const clock = new FakeClock();
  const ticker = new FrameTicker(clock, (error) => {
    throw error;
  });
  const context = {
    parties: { callSid: sid(1) },
    agent: agent(changes),
    log: new FakeLog(),
    eventLog: new CallEventLog(sid(1), { write: () => {} }, () => clock.nowMs()),
    limits: told.all("limits", "started", "agentActive"),
    deps: {
      clock,
      ticker,
      pool: new BlockPool(),
      metrics: new FakeMetrics().metrics,
      leadMs: 160,
      uplinkPtimeMs: 20,
      uplinkIdlePtimeMs: 20,
    },
    tap: null,
  };
  const session = {
    capabilities: { tunesTurnDetection: false, aheadOfRealTime: true },
    ...told.all("session", "tick", "append", "appendUlaw", "interrupted"),
    update: ({ turnDetection }: Parameters<ModelSession["update"]>[0]) =>
      void told.lines.push(`session.update ${turnDetection?.interruptResponse}`),
  } as unknown as ModelSession;
  const host = {
    session,
    announcement: "Welcome.",
    isTalking: true,
    expectsCaller,
    keys: told.all("keys", "pressed"),
    ...told.all(
      "host",
      ...(["callerArrived", "streamEnded", "dial", "closeSession", "modelLost"] as const),
      ...(["modelUnavailable", "speechBegan", "playbackMoved", "tick"] as const),
    ),
  };
  const announced: (string | null)[] = [];
  const paths = mediaPaths({
    twiml: (_, announcement) => {
      announced.push(announcement);
      return [];
    },
  });
  const path = paths.create(context as unknown as CallContext, host as unknown as CallPathHost);
  const leg = {
    ...told.all("leg", "record", "close", "drop", "media", "mark", "clear"),
    cork: (write: () => void) => write(),
  };
  const claim = () => path.claim(leg as unknown as MediaLeg, "MZ1" as StreamSid);
  const audio = (ms: number) => {
    const base64 = new TextEncoder().encode(Buffer.alloc(ms * 8, 1).toString("base64"));
    path.audio(SPEECH, base64, 0, base64.length);
  };
  return { path, paths, told, clock, ticker, session, announced, claim, audio };
}

describe("the stream of a caller", () => {
  it("is asked for with the announcement the first time only", () => {
    const { path, paths, announced } = stage();
    path.arrivalTwiml(true);
    path.arrivalTwiml(false);
    expect([announced, paths.name, paths.recordable]).toEqual([
      ["Welcome.", null],
      "media-stream",
      true,
    ]);
  });

  it("is taken once, and only while the call expects a caller", () => {
    const { path, told, ticker, claim } = stage();
    expect([path.callerIsHere, path.mayMove]).toEqual([false, true]);
    expect(claim()).not.toBeNull();
    expect(told.lines).toEqual(["limits.started 0", "host.callerArrived"]);
    expect([path.callerIsHere, path.mayMove, ticker.size]).toEqual([true, false, 1]);
    expect(claim()).toBeNull();
    expect(stage({}, false).claim()).toBeNull();
  });

  it("that ends leaves the path ready for the next one", () => {
    const { path, told, ticker, claim } = stage();
    claim();
    told.take();
    path.streamEnded(false);
    expect(told.lines).toEqual(["host.streamEnded false"]);
    expect([path.callerIsHere, ticker.size]).toEqual([false, 0]);
    expect(claim()).not.toBeNull();
  });
});

describe("the ticks of a call", () => {
  it("come from the caller's frames, ten a second at most", () => {
    const { path, told, clock, claim } = stage();
    claim();
    path.frameTick(clock.nowMs());
    told.take();
    const ticks = () => told.take().filter((line) => line.startsWith("host.tick"));
    for (let i = 0; i < 11; i++) {
      clock.advance(20);
      path.frameTick(clock.nowMs());
    }
    expect(ticks()).toEqual(["host.tick 100", "host.tick 200"]);
  });

  it("come from the ticker when the frames do not come", () => {
    const { path, told, clock, claim } = stage();
    claim();
    path.frameTick(clock.nowMs());
    told.take();
    clock.advance(300);
    const ticks = told.take().filter((line) => line.startsWith("host.tick"));
    expect(ticks).toEqual(["host.tick 120", "host.tick 240"]);
  });

  it("end with the call", () => {
    const { path, ticker, claim } = stage();
    claim();
    path.stop();
    path.stop();
    expect(ticker.size).toBe(0);
  });
});

describe("a lost session", () => {
  it("may be followed by another, but not twice within ten seconds", () => {
    const { path, told, clock } = stage();
    const lost = (afterMs: number) => {
      clock.advance(afterMs);
      told.take();
      path.sessionLost(LOST);
      return told.take();
    };
    expect(lost(0)).toEqual(["host.modelLost upstream_closed true"]);
    path.connect(true);
    expect(lost(9_999)).toEqual(["host.modelLost upstream_closed false"]);
    expect(lost(1)).toEqual(["host.modelLost upstream_closed true"]);
  });

  it("that could never be opened is told as such", () => {
    const { path, told } = stage();
    path.sessionUnavailable(LOST);
    expect(told.lines).toEqual(["host.modelUnavailable upstream_closed"]);
  });
});

describe("what the caller hears", () => {
  it("is the model's audio, announced once and accounted for until it has been played", () => {
    const { path, told, clock, claim, audio } = stage();
    claim();
    told.take();
    audio(60);
    expect(told.take().filter((line) => line.startsWith("host.speech"))).toEqual([
      "host.speechBegan item_1",
    ]);
    audio(40);
    expect([path.isSilent(0), path.isHeardOut(0)]).toEqual([false, false]);
    expect(path.heard(0).soundUntilMs).toBeGreaterThanOrEqual(100);
    path.audioDone(SPEECH.itemId);
    clock.advance(1_000);
    expect([path.isSilent(1_000), path.isHeardOut(1_000)]).toEqual([true, true]);
    expect(told.lines.filter((line) => line.startsWith("host.speech"))).toEqual([]);
  });

  it("is no audio of the model after the agent was silenced, or once the path is muted", () => {
    const { path, told, claim, audio } = stage();
    claim();
    audio(5_000);
    path.silence();
    expect([path.isSilent(0), told.take().some((line) => line.startsWith("leg.clear"))]).toEqual([
      true,
      true,
    ]);
    path.mute();
    path.audio({ ...SPEECH, itemId: "item_2" as ItemId }, new Uint8Array(400).fill(0x41), 0, 400);
    expect(path.isSilent(0)).toBe(true);
  });

  it("may be a tone of comfort, unless something is heard already", () => {
    const { path, claim } = stage();
    claim();
    path.playComfort(0, 0);
    expect(path.isSilent(0)).toBe(false);
    const talking = stage();
    talking.claim();
    talking.audio(100);
    const before = talking.path.remainingMs(0);
    talking.path.playComfort(0, 0);
    expect(talking.path.remainingMs(0)).toBe(before);
  });
});

describe("a protected greeting", () => {
  it("is not cut by the server either, until its time is over", () => {
    const { path, told, clock, claim, audio } = stage({
      vad: { ...agent().vad, greetingProtectionMs: 500 },
    });
    claim();
    expect(path.turnDetection.interruptResponse).toBe(false);
    audio(40);
    told.take();
    clock.advance(600);
    expect(told.lines).toContain("session.update true");
    expect(path.turnDetection.interruptResponse).toBe(true);
  });
});

describe("a key", () => {
  it("goes to the call", () => {
    const { path, told } = stage();
    path.key("5");
    expect(told.lines).toEqual(["keys.pressed 5"]);
  });
});
