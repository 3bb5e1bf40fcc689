import type { AgentProfile } from "../../src/domain/agent-profile.js";
import type { CallSid, ToolCallId } from "../../src/domain/ids.js";
import type { CallJournal, RecordEvent } from "../../src/domain/record-event.js";
import type { TransferRequest } from "../../src/domain/transfer-request.js";
import { BlockPool } from "../../src/playout/block-pool.js";
import type { MediaReceiver, MediaSocket } from "../../src/ports/sockets.js";
import type { CallControl } from "../../src/ports/twilio.js";
import { flightRecorder } from "../../src/recorder/call-recorder.js";
import type { CallDeps } from "../../src/relay/call/call-deps.js";
import type { CallTools, ToolBatch, ToolHost, ToolRun } from "../../src/relay/call/call-tools.js";
import { Admission } from "../../src/relay/calls/admission.js";
import type { CallService } from "../../src/relay/calls/call-service.js";
import { Calls, type CallsConfig } from "../../src/relay/calls/calls.js";
import type { Cluster } from "../../src/relay/calls/cluster.js";
import { ClusterRouter } from "../../src/relay/calls/cluster-router.js";
import { CallRegistry } from "../../src/relay/calls/registry.js";
import type {
  TransferCalls,
  TransferredCall,
  TransferService,
} from "../../src/relay/calls/transfer-service.js";
import { FrameTicker } from "../../src/relay/media/frame-ticker.js";
import type { ResponseEnd, SessionTool } from "../../src/relay/model/model-session.js";
import { RealtimeSessions } from "../../src/relay/model/openai-realtime/realtime-sessions.js";
import type { Twiml } from "../../src/wire/twiml.js";
import { FakeClock } from "./fake-clock.js";
import { FakeMetrics } from "./fake-metrics.js";
import { FakePhone } from "./fake-phone.js";
import { FakeLog } from "./fake-ports.js";
import { FakeDialer } from "./fake-upstream.js";

const decoder = new TextDecoder();
const SILENT_FRAME = new Uint8Array(160).fill(0xff);
const encoder = new TextEncoder();

export const ACCOUNT = `AC${"0".repeat(32)}`;
export const sid = (n: number): CallSid => `CA${n.toString(16).padStart(32, "0")}` as CallSid;

export function agent(changes: Partial<AgentProfile> = {}): AgentProfile {
  return {
    name: "support",
    model: "gpt-realtime-2.1",
    voice: "marin",
    instructions: "Be brief.",
    greeting: "Hello!",
    say: null,
    timeZone: null,
    tellCallerNumber: false,
    replyTimeoutMs: 4000,
    language: "en",
    languages: new Map(),
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
    vad: { localBargeIn: true, confirmMs: 400, adapt: false, greetingProtectionMs: 0 },
    transcription: null,
    recording: { enabled: false, channels: "dual", transcribe: null },
    record: false,
    tools: [],
    transfer: {
      key: "0",
      default: "desk",
      destinations: new Map([
        [
          "desk",
          {
            name: "desk",
            description: "people",
            then: null,
            kind: "dial",
            target: { type: "number", e164: "+15551112222" },
            timeoutS: 20,
          },
        ],
      ]),
      callerId: null,
      maxPerCall: 5,
    },
    limits: { maxCallMinutes: 20, idleHangupS: null, maxToolCalls: 40, maxCostUsd: null },
    apology: "Sorry.",
    ...changes,
  } as AgentProfile;
}

/** The Twilio end of one stream: a phone that plays by the fake clock, and the frames it speaks. */
export class FakeStream implements MediaSocket {
  readonly phone: FakePhone;
  readonly sent: Record<string, unknown>[] = [];
  closedWith: number | null = null;
  receiver: MediaReceiver | null = null;
  #sequence = 1;
  #timestampMs = 0;
  readonly streamSid: string;

  constructor(streamSid = "MZ1", phone = new FakePhone()) {
    this.streamSid = streamSid;
    this.phone = phone;
  }

  send(message: Uint8Array): boolean {
    const event = JSON.parse(decoder.decode(message)) as {
      event: string;
      media?: { payload: string };
      mark?: { name: string };
    };
    this.sent.push(event);
    if (event.media !== undefined) {
      const bytes = Buffer.from(event.media.payload, "base64");
      this.phone.media(bytes, 0, bytes.length);
    } else if (event.mark !== undefined) {
      const [generation, position] = event.mark.name.split(":").map(Number);
      this.phone.mark(generation!, position!);
    } else if (event.event === "clear") this.phone.clear();
    return true;
  }

  cork(write: () => void): void {
    write();
  }

  bufferedBytes(): number {
    return 0;
  }

  close(code: number): void {
    this.closedWith ??= code;
  }

  says(message: object): void {
    this.receiver!.message(encoder.encode(JSON.stringify(message)));
  }

  start(callSid: CallSid, customParameters: Record<string, string>, accountSid = ACCOUNT): void {
    this.says({ event: "connected", protocol: "Call", version: "1.0.0" });
    this.says({
      event: "start",
      sequenceNumber: "1",
      streamSid: this.streamSid,
      start: {
        accountSid,
        streamSid: this.streamSid,
        callSid,
        tracks: ["inbound"],
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
        customParameters,
      },
    });
  }

  frame(bytes: Uint8Array = SILENT_FRAME, gapMs = 0): void {
    this.#timestampMs += gapMs;
    this.says({
      event: "media",
      sequenceNumber: String(++this.#sequence),
      streamSid: this.streamSid,
      media: {
        track: "inbound",
        chunk: String(this.#sequence),
        timestamp: String(this.#timestampMs),
        payload: Buffer.from(bytes).toString("base64"),
      },
    });
    this.#timestampMs += 20;
  }

  key(digit: string): void {
    this.says({ event: "dtmf", sequenceNumber: "9", dtmf: { track: "inbound_track", digit } });
  }

  stop(callSid: CallSid): void {
    this.says({ event: "stop", sequenceNumber: "99", stop: { accountSid: ACCOUNT, callSid } });
    this.receiver!.closed(1000);
  }

  /** Time has passed: echoes that are due go to the relay. */
  advance(nowMs: number): void {
    for (const { generation, position } of this.phone.advance(nowMs)) {
      this.says({
        event: "mark",
        sequenceNumber: "7",
        streamSid: this.streamSid,
        mark: { name: `${generation}:${position}` },
      });
    }
  }

  of(event: string): Record<string, unknown>[] {
    return this.sent.filter((message) => message["event"] === event);
  }
}

/** Tools by hand: keeps what was called, the test answers. */
export class FakeTools implements CallTools {
  readonly specs: readonly SessionTool[];
  readonly batches: { end: ResponseEnd; done: (batch: ToolBatch) => void }[] = [];
  cancelled = false;
  readonly #host: ToolHost;

  constructor(specs: readonly SessionTool[], host: ToolHost) {
    this.specs = specs;
    this.#host = host;
  }

  run(end: ResponseEnd, done: (batch: ToolBatch) => void): void {
    // As the real ones: a call that is over runs nothing.
    if (this.cancelled) return;
    this.batches.push({ end, done });
    for (const { callId } of end.calls) this.#host.toolRuns.started(callId, null);
  }

  replied(): void {}

  cancelRunning(): readonly ToolRun[] {
    for (const { end } of this.batches.splice(0)) this.#ended(end);
    return [];
  }

  cancel(): readonly ToolRun[] {
    this.cancelled = true;
    for (const { end } of this.batches) this.#ended(end);
    return [];
  }

  #ended(end: ResponseEnd): void {
    for (const { callId } of end.calls) this.#host.toolRuns.ended(callId);
  }

  /** Answers the oldest batch. */
  answer(output: string, disposition: ToolBatch["disposition"] = null): void {
    const { end, done } = this.batches.shift()!;
    this.#ended(end);
    done({
      disposition,
      runs: end.calls.map((call) => ({
        callId: call.callId as ToolCallId,
        name: call.name,
        metricName: call.name,
        arguments: call.arguments,
        output,
        ms: 5,
        outcome: "ok",
      })),
    });
  }
}

/**
 * Transfers by hand: they are kept, and only the fallback goes on by itself, to a human who
 * answers.
 */
class FakeTransfers implements TransferService {
  readonly handedOver: [CallSid, TransferRequest][] = [];
  readonly #failed = new Map<CallSid, TransferredCall>();

  begin(call: TransferredCall, request: TransferRequest): void {
    if (request.by === "failure") this.#failed.set(call.parties.callSid, call);
    else this.handedOver.push([call.parties.callSid, request]);
  }

  async whatFollows(callSid: CallSid): Promise<Twiml> {
    const failed = this.#failed.get(callSid);
    if (failed === undefined) return [{ verb: "pause", seconds: 1 }];
    failed.execute({ type: "transfer_ended", next: "connected" });
    return this.fallback(failed.agent);
  }

  callerGone(callSid: CallSid): void {
    this.#failed.get(callSid)?.execute({ type: "transfer_ended", next: "gone" });
  }

  fallback(agent: AgentProfile): Twiml {
    return [
      { verb: "say", text: agent.apology },
      { verb: "dial", target: { type: "number", e164: "+15551112222" } },
    ];
  }

  async status(): Promise<Twiml> {
    return [];
  }
  async resume(): Promise<null> {
    return null;
  }
  async recover(): Promise<void> {}
  documentEnded(): null {
    return null;
  }
  knows(): boolean {
    return false;
  }
  announce(): void {}
  callback(): void {}
  conference(): void {}
  forget(): void {}
  close(): void {}
}

const NO_PEERS = { invite: () => null };

/** All calls of a process over a fake clock and fake sockets. */
export class CallBench {
  readonly clock = new FakeClock();
  readonly dialer = new FakeDialer();
  readonly fake = new FakeMetrics();
  readonly log = new FakeLog();
  readonly pool = new BlockPool();
  readonly admission = new Admission({ utilisation: 0.9 });
  readonly events: [CallSid, RecordEvent][] = [];
  readonly journal: CallJournal = {
    write: (callSid, event) => void this.events.push([callSid, event]),
  };
  readonly tools: FakeTools[] = [];
  /** Of calls to come. */
  readonly specs: SessionTool[] = [];
  /** What the tools of each call may do to it. */
  readonly toolHosts: ToolHost[] = [];
  /** Lines of flight recordings, per call; null until a test wants them. */
  flights: Map<CallSid, string[]> | null = null;
  readonly registry: CallRegistry;
  readonly calls: Calls;
  readonly #transfers = new FakeTransfers();
  /** What the edge talks to. */
  readonly service: CallService;
  readonly streams: FakeStream[] = [];

  constructor(
    profile = agent(),
    changes: Partial<CallsConfig & { readonly maxCalls: number }> = {},
    transfers?: (calls: TransferCalls, bench: CallBench) => TransferService,
    lookUp: CallDeps["lookUp"] = null,
    uplinkIdlePtimeMs = 20,
    cluster: Cluster | null = null,
  ) {
    const { clock } = this;
    const deps: CallDeps = {
      clock,
      ticker: new FrameTicker(clock, (error) => {
        throw error;
      }),
      metrics: this.fake.metrics,
      log: this.log,
      journal: this.journal,
      pool: this.pool,
      node: "test",
      leadMs: 160,
      uplinkPtimeMs: 20,
      uplinkIdlePtimeMs,
      upstreamTimeoutMs: 3000,
      maxCallMinutes: 55,
      models: new RealtimeSessions({
        dialer: this.dialer,
        url: "wss://model.test/v1/realtime",
        clock,
        metrics: this.fake.metrics,
      }),
      lookUp,
      flights: flightRecorder(({ callSid }) => {
        if (this.flights === null) return null;
        const lines = this.flights.get(callSid) ?? [];
        this.flights.set(callSid, lines);
        return { line: (json) => void lines.push(json), close: () => undefined };
      }, "test"),
      admission: this.admission,
      price: (_model, tokens) => tokens.outputAudio / 1000,
      transcriptionPrice: (_model, { seconds }) => seconds / 100,
      tools: (host) => {
        this.toolHosts.push(host);
        const tools = new FakeTools(this.specs, host);
        this.tools.push(tools);
        return tools;
      },
    };
    this.registry = new CallRegistry({
      machine: null,
      clock,
      metrics: this.fake.metrics,
      admission: this.admission,
      maxCalls: changes.maxCalls ?? 10,
      trouble: () => null,
    });
    this.calls = new Calls(
      {
        accountSid: ACCOUNT,
        prewarm: true,
        tokenSecrets: ["secret"],
        links: { publicUrl: "https://relay.test", mediaUrl: "wss://relay.test/media-stream" },
        ...changes,
      },
      {
        ...deps,
        agents: {
          agents: new Map([[profile.name, profile]]),
          numbers: new Map(),
          defaultAgent: profile.name,
        },
        registry: this.registry,
        control: { redirect: async () => undefined } as unknown as CallControl,
        recordingStatus: () => undefined,
        transfers: (calls) => transfers?.(calls, this) ?? this.#transfers,
        outbound: null,
        cluster,
        peerStreams: null,
        sip: null,
      },
    );
    this.service =
      cluster === null
        ? this.calls
        : new ClusterRouter(this.calls, cluster, NO_PEERS, NO_PEERS, this.log);
    if (this.service instanceof ClusterRouter) cluster?.join(this.service);
  }

  get handedOver(): FakeTransfers["handedOver"] {
    return this.#transfers.handedOver;
  }

  form(n: number, more: Record<string, string> = {}): Record<string, string> {
    return {
      CallSid: sid(n),
      From: "+15550001111",
      To: "+15550002222",
      Direction: "inbound",
      CallStatus: "ringing",
      ...more,
    };
  }

  /** The stream parameters of the TwiML that answers the webhook of call `n`. */
  async ring(n = 1, more: Record<string, string> = {}): Promise<Record<string, string>> {
    return parametersOf(await this.service.incoming(this.form(n, more)));
  }

  stream(): FakeStream {
    const stream = new FakeStream(`MZ${this.streams.length}`);
    stream.receiver = this.calls.openStream(stream);
    this.streams.push(stream);
    return stream;
  }

  /** A call that talks: webhook, session ready, stream started. */
  async talk(
    n = 1,
    more: Record<string, string> = {},
  ): Promise<{ stream: FakeStream; model: FakeDialer["last"] }> {
    const parameters = await this.ring(n, more);
    const model = this.dialer.last;
    model.becomesReady();
    const stream = this.stream();
    stream.phone.advance(this.clock.nowMs());
    stream.start(sid(n), parameters);
    return { stream, model };
  }

  /** Time passes in steps; phones play and echo, frames of silence come in when `speak`. */
  run(ms: number, stepMs = 5): void {
    const end = this.clock.nowMs() + ms;
    while (this.clock.nowMs() < end) {
      this.clock.advance(Math.min(stepMs, end - this.clock.nowMs()));
      for (const stream of this.streams)
        if (stream.closedWith === null) stream.advance(this.clock.nowMs());
    }
  }

  recorded(type: RecordEvent["type"], n = 1): RecordEvent[] {
    return this.events
      .filter(([callSid, event]) => callSid === sid(n) && event.type === type)
      .map(([, event]) => event);
  }
}

export function parametersOf(twiml: Twiml): Record<string, string> {
  for (const verb of twiml) if (verb.verb === "connect_stream") return { ...verb.parameters };
  throw new Error(`no stream in ${JSON.stringify(twiml)}`);
}
