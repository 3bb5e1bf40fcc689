/**
 * The audio path of one call between two sockets, with sinks in place of the sockets: Twilio's leg,
 * voice detection, joining, the model session with its framing, playout and marks.
 */
import { FrameWriter, type Outlet, SlotPool } from "../../src/adapters/openai/frame-writer.js";
import type { BlockPool } from "../../src/playout/block-pool.js";
import type { Clock } from "../../src/ports/clock.js";
import type { Log } from "../../src/ports/log.js";
import type { Metrics } from "../../src/ports/metrics.js";
import type { MediaSocket, UpstreamSocket, UpstreamSocketEvents } from "../../src/ports/sockets.js";
import { AudioPath } from "../../src/relay/media/audio-path.js";
import { MediaLeg } from "../../src/relay/media/media-leg.js";
import { RELAYED_AUDIO } from "../../src/relay/model/model-session.js";
import { RealtimeSession } from "../../src/relay/model/openai-realtime/realtime-session.js";
import { TEXT } from "../../src/wire/websocket-frames.js";

export interface CallPathDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly pool: BlockPool;
  readonly model: ModelSink;
  readonly twilio: MediaSocket;
}

/** The sockets to the model: frames are made as for a real socket, and then dropped. */
export class ModelSink implements Outlet {
  readonly writable = true;
  readonly writableLength = 0;
  bytes = 0;
  readonly slots = new SlotPool();
  readonly #written: (() => void)[] = [];

  write(bytes: Uint8Array, written: () => void): void {
    this.bytes += bytes.length;
    this.#written.push(written);
  }

  end(): void {}

  /** The kernel has taken everything, as at the end of a turn of the event loop. */
  flush(): void {
    for (let i = 0; i < this.#written.length; i++) this.#written[i]!();
    this.#written.length = 0;
  }
}

class ModelSocketSink implements UpstreamSocket {
  readonly #writer: FrameWriter;

  constructor(sink: ModelSink) {
    this.#writer = new FrameWriter(sink, sink.slots);
  }

  send(message: Uint8Array): void {
    this.#writer.add(TEXT, message);
  }

  bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  close(): void {}
}

const none = (): void => undefined;

export class CallPath {
  readonly audio: AudioPath;
  readonly #deps: CallPathDeps;
  readonly #leg: MediaLeg;
  readonly #session: RealtimeSession;
  readonly #fromModel: UpstreamSocketEvents;

  constructor(deps: CallPathDeps) {
    this.#deps = deps;
    const { clock, metrics, log } = deps;
    this.audio = new AudioPath(
      deps.pool,
      { speechBegan: none, audioArrived: none, callerHeard: none },
      { clock, metrics, leadMs: 160, uplinkPtimeMs: 20, uplinkIdlePtimeMs: 100 },
    );
    const made = this.#dial();
    this.#session = made.session;
    this.#fromModel = made.events;
    this.#leg = new MediaLeg(deps.twilio, (_start, leg) => this.#claimed(leg), {
      clock,
      metrics,
      log,
    });
    this.#leg.message(json(START));
  }

  #claimed(leg: MediaLeg): ReturnType<ConstructorParameters<typeof MediaLeg>[1]> {
    const { audio } = this;
    const { clock } = this.#deps;
    audio.connectLeg(leg);
    audio.connectSession(this.#session);
    return {
      frames: audio,
      events: {
        frameTick: (nowMs) => this.#afterFrame(nowMs),
        key: none,
        markEchoed: (generation, position) =>
          audio.playout.marked(generation, position, clock.nowMs()),
        streamEnded: none,
      },
      log: this.#deps.log,
    };
  }

  /** As much of the call as each frame concerns. */
  #afterFrame(nowMs: number): void {
    this.#session.tick(nowMs);
    this.audio.playout.takePlayed(nowMs);
  }

  #dial(): { readonly session: RealtimeSession; readonly events: UpstreamSocketEvents } {
    const { clock, metrics, log, model } = this.#deps;
    let events: UpstreamSocketEvents | null = null;
    const session = new RealtimeSession(
      {
        profile: PROFILE,
        history: [],
        audio: RELAYED_AUDIO,
        events: this.#events(),
        lifecycle: { ready: none, lost: none },
        log,
      },
      {
        dialer: {
          dial: (_url, given) => {
            events = given;
            return new ModelSocketSink(model);
          },
        },
        url: "wss://model.test/v1/realtime",
        nowMs: () => clock.nowMs(),
        metrics,
      },
    );
    if (events === null) throw new Error("the session did not dial");
    const given: UpstreamSocketEvents = events;
    given.opened();
    given.message(json({ type: "session.created", session: { id: "s" } }));
    given.message(json({ type: "session.updated", session: { id: "s" } }));
    return { session, events: given };
  }

  #events(): ConstructorParameters<typeof RealtimeSession>[0]["events"] {
    const { audio } = this;
    return {
      audio: (item, base64, start, end) => audio.modelAudio(item, base64, start, end),
      audioDone: (itemId) => audio.playout.complete(itemId, this.#deps.clock.nowMs()),
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
    };
  }

  /** A message of Twilio's; `message` is valid until this returns. */
  fromTwilio(message: Uint8Array): void {
    this.#leg.message(message);
  }

  /** A message of the model's; `message` is valid until this returns. */
  fromModel(message: Uint8Array): void {
    this.#fromModel.message(message);
  }
}

const PROFILE: ConstructorParameters<typeof RealtimeSession>[0]["profile"] = {
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
};

const START = {
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
};

export function json(message: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}
