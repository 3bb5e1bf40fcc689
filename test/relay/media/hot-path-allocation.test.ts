import { type HeapProfiler, Session } from "node:inspector/promises";
import { expect, it } from "vitest";
import { speechLike } from "../../../sim/audio/synth.js";
import { MetricRegistry } from "../../../src/adapters/metrics/metric-registry.js";
import { BlockPool } from "../../../src/playout/block-pool.js";
import type {
  MediaReceiver,
  MediaSocket,
  UpstreamSocket,
  UpstreamSocketEvents,
} from "../../../src/ports/sockets.js";
import { AudioPath } from "../../../src/relay/media/audio-path.js";
import { MediaLeg } from "../../../src/relay/media/media-leg.js";
import { RELAYED_AUDIO } from "../../../src/relay/model/model-session.js";
import { RealtimeSession } from "../../../src/relay/model/openai-realtime/realtime-session.js";
import { FakeLog } from "../../fakes/fake-ports.js";

const FRAMES = 100_000;
const WARM_UP = 30_000;

/** A clock that is one number. */
class StillClock {
  ms = 0;
  nowMs(): number {
    return this.ms;
  }
  epochMs(): number {
    return this.ms;
  }
  after(): { cancel(): void } {
    return { cancel: () => undefined };
  }
}

class Sink implements MediaSocket, UpstreamSocket {
  bytes = 0;
  send(message: Uint8Array): boolean {
    this.bytes += message.length;
    return true;
  }
  cork(write: () => void): void {
    write();
  }
  bufferedBytes(): number {
    return 0;
  }
  close(): void {}
}

function json(message: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

/** Everything between two sockets, without the sockets: leg, VAD, joiner, session, playout. */
function path() {
  const clock = new StillClock();
  const metrics = new MetricRegistry({ version: "test" }).metrics;
  const log = new FakeLog();
  const [twilio, model] = [new Sink(), new Sink()];
  let server: UpstreamSocketEvents | null = null;
  const none = (): void => undefined;
  const audio: AudioPath = new AudioPath(
    new BlockPool(),
    { speechBegan: none, audioArrived: none, callerHeard: none },
    { clock, metrics, leadMs: 160, uplinkPtimeMs: 20, uplinkIdlePtimeMs: 100 },
  );
  const session = new RealtimeSession(
    {
      profile: {
        model: "m",
        voice: "v",
        instructions: "",
        turnDetection: {
          type: "server_vad",
          threshold: 0.5,
          prefixPaddingMs: 300,
          silenceDurationMs: 500,
          idleTimeoutMs: null,
          createResponse: true,
          interruptResponse: true,
        },
        noiseReduction: null,
        transcription: null,
        tools: [],
      },
      history: [],
      audio: RELAYED_AUDIO,
      events: {
        audio: (item, base64, start, end) => audio.modelAudio(item, base64, start, end),
        audioDone: none,
        agentText: none,
        agentWrote: none,
        callerText: none,
        callerTextFailed: none,
        callerSpeech: none,
        callerTurn: none,
        responseStarted: none,
        responseDone: none,
        usage: none,
        transcriptionUsage: none,
        tokensRemaining: none,
        idleTimeout: none,
        warning: none,
        mcpCallStarted: none,
        mcpCallEnded: none,
        mcpToolsFailed: none,
        sessionPartRefused: none,
        probeAnswered: none,
      },
      lifecycle: { ready: none, lost: none },
      log,
    },
    {
      dialer: {
        dial: (_url, events) => {
          server = events;
          return model;
        },
      },
      url: "wss://model.test/v1/realtime",
      nowMs: () => clock.ms,
      metrics,
    },
  );
  const from = server as unknown as UpstreamSocketEvents;
  from.opened();
  from.message(json({ type: "session.created", session: { id: "s" } }));
  from.message(json({ type: "session.updated", session: { id: "s" } }));
  const leg: MediaReceiver = new MediaLeg(
    twilio,
    (_start, made) => {
      audio.connectLeg(made);
      audio.connectSession(session);
      return {
        frames: audio,
        events: {
          frameTick: none,
          key: none,
          markEchoed: (generation, position) =>
            audio.playout.marked(generation, position, clock.ms),
          streamEnded: none,
        },
        log,
      };
    },
    { clock, metrics, log },
  );
  leg.message(
    json({
      event: "start",
      streamSid: "MZ1",
      sequenceNumber: "1",
      start: {
        accountSid: "AC1",
        callSid: "CA1",
        streamSid: "MZ1",
        tracks: ["inbound"],
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
        customParameters: {},
      },
    }),
  );
  return { clock, leg, from, twilio, model };
}

/** Bytes that functions of ours allocated, by file, as the sampling profiler estimates them. */
function allocated(node: HeapProfiler.SamplingHeapProfileNode, into = new Map<string, number>()) {
  const file = /\/src\/(.*)$/.exec(node.callFrame.url)?.[1];
  if (file !== undefined && node.selfSize > 0) {
    const key = `${file} ${node.callFrame.functionName}`;
    into.set(key, (into.get(key) ?? 0) + node.selfSize);
  }
  for (const child of node.children) allocated(child, into);
  return into;
}

it("a hundred thousand caller frames, and the playout that they drive, allocate no object, view or string", {
  timeout: 120_000,
}, async () => {
  const { clock, leg, from, twilio, model } = path();
  const speech = speechLike(2_000, 3);
  // Two seconds of silence, two of speech, over and over, as bytes that are ready: nothing of the
  // test is in the way.
  const messages = Array.from({ length: 200 }, (_, n) => {
    const audio =
      n < 100 ? Buffer.alloc(160, 0xff) : speech.subarray((n - 100) * 160, (n - 99) * 160);
    return (timestampMs: number) =>
      json({
        event: "media",
        sequenceNumber: "1000",
        media: {
          track: "inbound",
          chunk: "1000",
          timestamp: String(timestampMs),
          payload: audio.toString("base64"),
        },
        streamSid: "MZ1",
      });
  });
  const total = WARM_UP + FRAMES;
  const frames = Array.from({ length: total }, (_, n) => messages[n % 200]!(n * 20));
  // Audio that is always ahead, in one item: half an hour at a time would not be bounded.
  const delta = json({
    type: "response.output_audio.delta",
    response_id: "r1",
    item_id: "i1",
    output_index: 0,
    content_index: 0,
    delta: Buffer.alloc(1_600, 0xd5).toString("base64"),
  });
  const feed = (first: number, last: number): void => {
    for (let n = first; n < last; n++) {
      clock.ms += 20.001;
      if (n % 10 === 0) from.message(delta);
      leg.message(frames[n]!);
    }
  };
  feed(0, WARM_UP);
  const sentBefore = { twilio: twilio.bytes, model: model.bytes };
  const session = new Session();
  session.connect();
  await session.post("HeapProfiler.enable");
  await session.post("HeapProfiler.startSampling", {
    samplingInterval: 256,
    includeObjectsCollectedByMinorGC: true,
    includeObjectsCollectedByMajorGC: true,
  });
  feed(WARM_UP, total);
  const { profile } = await session.post("HeapProfiler.stopSampling");
  session.disconnect();

  // The frames went somewhere: 160 bytes each way are more than 200 characters.
  expect(model.bytes - sentBefore.model).toBeGreaterThan(FRAMES * 200);
  expect(twilio.bytes - sentBefore.twilio).toBeGreaterThan(FRAMES * 200);
  const found = [...allocated(profile.head)].sort((a, b) => b[1] - a[1]);
  const perFrame = found.reduce((sum, [, bytes]) => sum + bytes, 0) / FRAMES;
  // Times have fractions, and a number with a fraction is boxed (16 bytes) where it passes from one
  // function to another: about two a frame on Node 20 (32 bytes), three on Node 24 (51 bytes). One
  // object, view, string or closure a frame more, and this would fail.
  const isNewer = Number(process.versions.node.split(".")[0]) >= 24;
  expect(perFrame, found.slice(0, 8).join("; ")).toBeLessThan(isNewer ? 70 : 50);
});
