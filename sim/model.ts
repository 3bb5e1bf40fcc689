/**
 * A simulated model: the server side of the OpenAI Realtime API (GA) over WebSocket and over SIP
 * (`sip/calls.ts`), on loopback.
 *
 * It is strict. It refuses unknown fields, a `rate` on pcmu, a missing `session.type`, a second
 * response, a truncate beyond the audio it sent and the like, as the API does, and keeps each in
 * `violations`. It detects speech in the appended audio (server VAD by energy, barge-in included)
 * and takes its time (bursts of odd-sized deltas, faster than real time), but it understands
 * nothing: a script says what it says.
 *
 * ```ts
 * const model = await startModel({
 *   script: {
 *     turns: [
 *       { say: "Hello, how can I help?" },                                   // response.create
 *       { calls: [{ name: "lookup_order", arguments: { query: "A1" } }] },   // caller's first turn
 *       { say: "It left yesterday." },                                       // after the output
 *     ],
 *     transcripts: ["Where is my order?"],
 *   },
 * });
 * // OPENAI_REALTIME_URL=model.url OPENAI_API_KEY=model.apiKey
 * model.sessions[0].crash();              // or hang(), expire(), close(1011), sendError(…)
 * model.faults.handshake = 503;           // from now on, for new sockets
 * expect(model.violations()).toEqual([]);
 * await model.close();
 * ```
 *
 * `sim/README.md` lists every fault and how a test switches it on.
 *
 * Source of the behaviour: OpenAI's Realtime guides and event reference, corrected by live
 * captures of 2025-12 to 2026-09. What they leave open is chosen so that a client that relies on
 * luck fails.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { realClock, type SimClock } from "./clock.js";
import { type ModelFaults, noFaults } from "./model/faults.js";
import { denyUpgrade, handshakeFault, MODELS, rejectSession } from "./model/handshake.js";
import type { McpServers } from "./model/mcp-servers.js";
import type { Script } from "./model/script.js";
import { ModelSession, type SessionSocket } from "./model/session.js";
import {
  PACE,
  type Pace,
  PINGS,
  type PingTimes,
  type SessionOptions,
  type SipSessionLink,
  type TranscriptionUsage,
} from "./model/session-types.js";
import { SimulatedSip, type SipOptions } from "./sip/calls.js";

export interface ModelOptions {
  /** Default 0: any free one. */
  readonly port?: number;
  readonly script: Script | ((session: ModelSession) => Script);
  /** Default "sk-simulated". */
  readonly apiKey?: string;
  /** Names that exist. Default those of the reference. */
  readonly models?: readonly string[];
  readonly clock?: SimClock;
  /** Keep every byte of caller audio. Default true; off in load runs. */
  readonly keepAudio?: boolean;
  /** Check caller audio as identity frames (`audio/identity.ts`). Default false. */
  readonly checkIdentity?: boolean;
  readonly pace?: Partial<Pace>;
  /** The server's own pings. Default every 20.26 s; null: none. */
  readonly pings?: PingTimes | null;
  /** The longest that a session lasts. Default 60 minutes. */
  readonly sessionMaxMs?: number;
  /** Default 150. Infinity: after the response that follows. */
  readonly transcriptDelayMs?: number;
  /** How transcription is billed, or that it fails. Default auto: as its model is. */
  readonly transcription?: TranscriptionUsage | "failed";
  /** When `rate_limits.updated` comes. Default end: 40 ms after `response.done`. */
  readonly rateLimits?: "start" | "end" | "never";
  /** Remote MCP servers by label. */
  readonly mcpServers?: McpServers;
  /** Faults that are on from the start; `faults` of the running model changes them. */
  readonly faults?: Partial<ModelFaults>;
  readonly hooks?: {
    /** `speech_started` is about to leave, in any session. */
    onSpeechStarted?(atMs: number): void;
  };
  readonly sip?: SipOptions;
}

export interface SimulatedModel {
  /** ws://127.0.0.1:…/v1/realtime, without a query. */
  readonly url: string;
  /** http://127.0.0.1:…/v1: REST. */
  readonly baseUrl: string;
  readonly port: number;
  readonly apiKey: string;
  /** Calls that come in by SIP. */
  readonly sip: SimulatedSip;
  /** In the order of connecting (a SIP call: of its acceptance); closed ones stay. */
  readonly sessions: readonly ModelSession[];
  /** Switches; they act at once. */
  readonly faults: ModelFaults;
  /** Handshakes refused, rejected or never answered, with the reason. */
  readonly refused: readonly string[];
  /** What clients did wrong, all sessions and handshakes, each with its session's index. */
  violations(): string[];
  /** The session with this index; waits until it connects or, by SIP, is accepted. */
  session(index: number): Promise<ModelSession>;
  /** Idempotent. Ends every socket. */
  close(): Promise<void>;
}

const MAX_EVENT_BYTES = 21 * 1024 * 1024;
const SESSION_MAX_MS = 3_600_000;
const DEFAULT_MODEL = "gpt-realtime";

export async function startModel(options: ModelOptions): Promise<SimulatedModel> {
  const server = new ModelServer(options);
  await server.listen();
  return server;
}

class ModelServer implements SimulatedModel {
  readonly apiKey: string;
  readonly sip: SimulatedSip;
  readonly sessions: ModelSession[] = [];
  readonly faults: ModelFaults;
  readonly refused: string[] = [];
  port = 0;
  readonly #options: ModelOptions;
  readonly #sessionOptions: SessionOptions;
  readonly #models: readonly string[];
  readonly #badHandshakes: string[] = [];
  readonly #waiting: { index: number; resolve: (session: ModelSession) => void }[] = [];
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_EVENT_BYTES,
    autoPong: false,
  });
  readonly #streams = new Set<Duplex>();
  #closing: Promise<void> | null = null;

  constructor(options: ModelOptions) {
    this.#options = options;
    this.apiKey = options.apiKey ?? "sk-simulated";
    this.#models = options.models ?? MODELS;
    this.faults = { ...noFaults(), ...options.faults };
    this.#sessionOptions = sessionOptions(options);
    this.sip = new SimulatedSip(options.sip ?? {}, {
      apiKey: this.apiKey,
      models: this.#models,
      clock: this.#sessionOptions.clock,
      faults: this.faults,
      open: (link) => this.#open(null, String(link.accepted["model"]), link),
    });
    this.#http = createServer((request, response) => {
      if (this.sip.serve(request, response)) return;
      response.writeHead(404, { "content-type": "application/json" });
      const error = { type: "invalid_request_error", message: "Not found" };
      response.end(JSON.stringify({ error }));
    });
    this.#http.on("upgrade", (request, stream, head) => this.#upgrade(request, stream, head));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen(this.#options.port ?? 0, "127.0.0.1", 4096, resolve);
    });
    this.port = (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/v1/realtime`;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  violations(): string[] {
    return [
      ...this.#badHandshakes.map((text) => `handshake: ${text}`),
      ...this.sip.violations.map((text) => `sip: ${text}`),
      ...this.sessions.flatMap((session) =>
        session.violations.map((text) => `session ${session.index}: ${text}`),
      ),
    ];
  }

  session(index: number): Promise<ModelSession> {
    const there = this.sessions[index];
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => {
      this.#waiting.push({ index, resolve });
    });
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.sip.close();
      for (const session of this.sessions) session.crash();
      for (const stream of this.#streams) stream.destroy();
      this.#http.closeAllConnections();
      this.#http.close(() => resolve());
    });
    return this.#closing;
  }

  #open(connection: SessionSocket | null, name: string, link: SipSessionLink | null): ModelSession {
    const session = new ModelSession(
      connection,
      { index: this.sessions.length, model: name, link, script: this.#options.script },
      this.#sessionOptions,
      this.faults,
    );
    this.sessions.push(session);
    for (const [i, waiter] of [...this.#waiting.entries()].reverse()) {
      if (waiter.index !== session.index) continue;
      this.#waiting.splice(i, 1);
      waiter.resolve(session);
    }
    return session;
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    this.#streams.add(stream);
    stream.once("close", () => this.#streams.delete(stream));
    // A peer that resets the connection is not the simulator's failure.
    stream.on("error", () => {});
    const { handshake, rejectSessions } = this.faults;
    if (handshake !== null) {
      this.refused.push(String(handshake));
      if (handshake !== "silent") denyUpgrade(stream, handshake, "simulated");
      return;
    }
    const fault =
      rejectSessions === null
        ? handshakeFault(request, { apiKey: this.apiKey, models: this.#models })
        : ({ kind: "session", rejection: rejectSessions } as const);
    if (fault === null) {
      this.#accept(request, stream, head);
      return;
    }
    const reason = fault.kind === "http" ? fault.message : fault.rejection;
    this.refused.push(reason);
    if (rejectSessions === null) this.#badHandshakes.push(reason);
    if (fault.kind === "http") denyUpgrade(stream, fault.status, fault.message);
    else
      this.#sockets.handleUpgrade(request, stream, head, (socket) =>
        rejectSession(socket, fault.rejection),
      );
  }

  #accept(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const query = new URL(request.url ?? "/", "ws://sim").searchParams;
    const callId = query.get("call_id");
    if (callId !== null) {
      this.#attachSideband(callId, request, stream, head);
      return;
    }
    this.#sockets.handleUpgrade(request, stream, head, (socket) => {
      this.#open({ socket, stream }, query.get("model") ?? DEFAULT_MODEL, null);
    });
  }

  #attachSideband(callId: string, request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const call = this.sip.find(callId);
    if (call?.state !== "live") {
      // A client that attaches too late cannot know; one that attaches too early can.
      this.refused.push(`no call ${callId}`);
      if (call?.state !== "over")
        this.#badHandshakes.push(`sideband of ${callId}, which was never accepted`);
      denyUpgrade(stream, 404, `No call found with id '${callId}'.`);
      return;
    }
    this.#sockets.handleUpgrade(request, stream, head, (socket: WebSocket) => {
      if (call.session === null || call.state !== "live") socket.close(1000, "call ended");
      else {
        call.session.attach({ socket, stream });
        call.events.add("sideband", { count: call.session.sidebands.length });
      }
    });
  }
}

function sessionOptions(options: ModelOptions): SessionOptions {
  return {
    clock: options.clock ?? realClock,
    pace: { ...PACE, ...options.pace },
    pings: options.pings === undefined ? PINGS : options.pings,
    maxMs: options.sessionMaxMs ?? SESSION_MAX_MS,
    keepAudio: options.keepAudio ?? true,
    checkIdentity: options.checkIdentity ?? false,
    transcriptDelayMs: options.transcriptDelayMs ?? 150,
    transcription: options.transcription ?? "auto",
    rateLimits: options.rateLimits ?? "end",
    mcpServers: options.mcpServers ?? {},
    onSpeechStarted: (atMs) => options.hooks?.onSpeechStarted?.(atMs),
  };
}
