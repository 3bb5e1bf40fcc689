import { describe, expect, it } from "vitest";
import type { ModelSessionEvents } from "../../../../src/relay/model/model-session.js";
import { RELAYED_AUDIO } from "../../../../src/relay/model/model-session.js";
import { RealtimeSessions } from "../../../../src/relay/model/openai-realtime/realtime-sessions.js";
import { FakeClock } from "../../../fakes/fake-clock.js";
import { FakeMetrics } from "../../../fakes/fake-metrics.js";
import { FakeLog } from "../../../fakes/fake-ports.js";
import { FakeDialer } from "../../../fakes/fake-upstream.js";
import { PROFILE } from "./session-stage.js";

function open(tap?: { dialer: FakeDialer; nowMs: number }) {
  const dialer = new FakeDialer();
  const clock = new FakeClock();
  clock.advance(500);
  const session = new RealtimeSessions({
    dialer,
    url: "wss://model.test/v1/realtime",
    clock,
    metrics: new FakeMetrics().metrics,
  }).open({
    log: new FakeLog(),
    profile: PROFILE,
    history: [],
    audio: RELAYED_AUDIO,
    events: {} as ModelSessionEvents,
    lifecycle: { ready: () => undefined, lost: () => undefined },
    ...(tap === undefined ? {} : { tap: { dialer: () => tap.dialer, nowMs: () => tap.nowMs } }),
  });
  return { dialer, session };
}

describe("RealtimeSessions", () => {
  it("dials at once, by its own dialer and clock", () => {
    const { dialer, session } = open();
    expect(dialer.sockets).toHaveLength(1);
    expect(session.lastEventMs).toBe(500);
  });

  it("lets a tap stand between a session and its socket and clock", () => {
    const tap = { dialer: new FakeDialer(), nowMs: 42 };
    const { dialer, session } = open(tap);
    expect([dialer.sockets.length, tap.dialer.sockets.length]).toEqual([0, 1]);
    expect(session.lastEventMs).toBe(42);
  });
});
