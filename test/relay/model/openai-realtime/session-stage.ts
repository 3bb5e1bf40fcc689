import { afterEach, expect } from "vitest";
import type { ServerVad } from "../../../../src/domain/agent-profile.js";
import {
  type HistoryItem,
  type ModelSessionEvents,
  RELAYED_AUDIO,
  type ResponseEnd,
  type SessionAudio,
  type SessionFailure,
  type SessionProfile,
} from "../../../../src/relay/model/model-session.js";
import { RealtimeSessions } from "../../../../src/relay/model/openai-realtime/realtime-sessions.js";
import { FakeClock } from "../../../fakes/fake-clock.js";
import { FakeMetrics } from "../../../fakes/fake-metrics.js";
import { FakeLog } from "../../../fakes/fake-ports.js";
import { FakeDialer, type FakeUpstream } from "../../../fakes/fake-upstream.js";
import { clientEventFaults } from "../../../schema/openai-events.js";

export const VAD: ServerVad = {
  type: "server_vad",
  threshold: 0.5,
  prefixPaddingMs: 300,
  silenceDurationMs: 500,
  idleTimeoutMs: null,
  createResponse: true,
  interruptResponse: true,
};

export const PROFILE: SessionProfile = {
  model: "gpt-realtime-2.1",
  voice: "marin",
  instructions: "Be brief.",
  turnDetection: VAD,
  noiseReduction: null,
  transcription: { model: "gpt-live-transcribe", language: null },
  tools: [{ type: "function", name: "t", description: "d", parameters: { type: "object" } }],
};

/** The sockets of the running test. Whatever a session sends must be an event that OpenAI knows. */
const sockets: FakeUpstream[] = [];

afterEach(() => {
  for (const { sent } of sockets.splice(0))
    for (const event of sent) expect([event, clientEventFaults(event)]).toEqual([event, []]);
});

type Told = [name: string, ...args: unknown[]];

export interface StageOptions {
  readonly history?: HistoryItem[];
  readonly vad?: Partial<ServerVad>;
  readonly profile?: Partial<SessionProfile>;
  readonly audio?: SessionAudio;
}

/** One session over a fake socket and clock, and everything that it told its call. */
export function openSession(options: StageOptions = {}) {
  const clock = new FakeClock();
  const dialer = new FakeDialer();
  const metrics = new FakeMetrics();
  const log = new FakeLog();
  const told: Told[] = [];
  const failures: SessionFailure[] = [];
  let ready = 0;
  const events = new Proxy({} as ModelSessionEvents, {
    get:
      (_target, name) =>
      (...args: unknown[]) => {
        told.push([
          String(name),
          ...(name === "audio" ? [args[0], Number(args[3]) - Number(args[2])] : args),
        ]);
      },
  });
  const session = new RealtimeSessions({
    dialer,
    url: "wss://api.openai.com/v1/realtime",
    clock,
    metrics: metrics.metrics,
  }).open({
    log,
    profile: { ...PROFILE, turnDetection: { ...VAD, ...options.vad }, ...options.profile },
    history: options.history ?? [],
    audio: options.audio ?? RELAYED_AUDIO,
    events,
    lifecycle: { ready: () => void ready++, lost: (failure) => void failures.push(failure) },
  });
  sockets.push(dialer.last);
  /** As a call does it: a tick every 20 ms. */
  const live = (ms: number): void => {
    for (let lived = 0; lived < ms; lived += 20) {
      clock.advance(Math.min(20, ms - lived));
      session.tick(clock.nowMs());
    }
  };
  return {
    session,
    model: dialer.last,
    clock,
    metrics,
    log,
    told,
    failures,
    live,
    readyCount: () => ready,
    names: () => told.map(([name]) => name),
    /** The arguments of each event of this name. */
    of: (name: string) => told.filter(([one]) => one === name).map(([, ...args]) => args),
    /** The ends of all responses. */
    ends: () =>
      told.flatMap(([name, end]) => (name === "responseDone" ? [end as ResponseEnd] : [])),
  };
}

export type Stage = ReturnType<typeof openSession>;

/** A session that is ready. */
export function readySession(options: StageOptions = {}): Stage {
  const stage = openSession(options);
  stage.model.becomesReady();
  return stage;
}
