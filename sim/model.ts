/**
 * A simulated model: the server side of the OpenAI Realtime API (GA) over WebSocket and over SIP (`sip/calls.ts`), on loopback.
 *
 * It is strict: unknown fields, a `rate` on pcmu, a missing `session.type`, a second response, a truncate beyond the audio
 * it sent and the like are refused as the API refuses them and kept in `violations`. It really hears (server VAD by energy on the
 * appended audio, barge-in included) and really takes its time (bursts of odd-sized deltas, faster than real time),
 * but it understands nothing: what it says is a script.
 *
 * ```ts
 * const model = await startModel({
 *   script: {
 *     turns: [
 *       { say: "Hello, how can I help?" },                                   // the greeting: client's response.create
 *       { calls: [{ name: "lookup_order", arguments: { query: "A1" } }] },   // caller's first turn
 *       { say: "It left yesterday." },                                       // after the tool's output
 *     ],
 *     hears: ["Where is my order?"],
 *   },
 * });
 * // OPENAI_REALTIME_URL=model.url OPENAI_API_KEY=model.apiKey
 * model.sessions[0].crash();              // or hang(), expire(), close(1011), sendError(…)
 * model.faults.handshake = 503;           // from now on, for new sockets
 * expect(model.violations()).toEqual([]);
 * await model.close();
 * ```
 *
 * Source of the behaviour: OpenAI's Realtime guides and event reference. What they leave open is chosen so that a
 * client which relies on luck fails.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { realClock, type SimClock } from "./clock.js";
import type { ResponsePace } from "./model/response.js";
import type { Script } from "./model/script.js";
import { ModelSession } from "./model/session.js";
import type { SessionFaults, SessionHooks, SipSessionLink } from "./model/session-types.js";
import type { SipCall } from "./sip/call.js";
import { SimulatedSip, type SipOptions } from "./sip/calls.js";

export interface ModelOptions {
  /** Default 0: any free one. */
  readonly port?: number;
  readonly script: Script | ((session: ModelSession) => Script);
  /** Default "sk-simulated". */
  readonly apiKey?: string;
  readonly clock?: SimClock;
  /** Keep every byte of caller audio. Default true; off in load runs. */
  readonly keepAudio?: boolean;
  /** Check caller audio as identity frames (`audio/identity.ts`). Default false. */
  readonly checkIdentity?: boolean;
  readonly pace?: Partial<ResponsePace>;
  /** Default 150. Infinity: after the response that follows. */
  readonly transcriptDelayMs?: number;
  /** How transcription is billed, or that it fails. Default tokens. */
  readonly transcription?: "tokens" | "duration" | "failed";
  /** When `rate_limits.updated` comes. Default end. */
  readonly rateLimits?: "start" | "end" | "never";
  readonly hooks?: SessionHooks & { onSession?(session: ModelSession): void };
  readonly sip?: SipOptions;
}

export interface ModelFaults extends SessionFaults {
  /** A status refuses the handshake; "silent" never answers it. */
  handshake: 401 | 403 | 429 | 500 | 503 | "silent" | null;
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
  /** Handshakes refused or never answered, with the reason. */
  readonly refused: readonly string[];
  /** What clients did wrong, all sessions and handshakes, each with its session's index. */
  violations(): string[];
  /** The session with this index, waiting for it to connect (or, by SIP, to be accepted). */
  session(index: number): Promise<ModelSession>;
  /** Idempotent. Ends every socket. */
  close(): Promise<void>;
}

const PACE: ResponsePace = {
  deltaBytes: [301, 2003],
  burstMs: 50,
  lateDeltas: 1,
  lateDeltasAfterDone: 0,
  cancelLagMs: 20,
};
const MAX_EVENT_BYTES = 21 * 1024 * 1024;

export async function startModel(options: ModelOptions): Promise<SimulatedModel> {
  const apiKey = options.apiKey ?? "sk-simulated";
  const clock = options.clock ?? realClock;
  const { hooks = {} } = options;
  const faults: ModelFaults = {
    handshake: null,
    withholdCreated: false,
    withholdUpdated: false,
    withholdPong: false,
    failResponses: null,
  };
  const sessions: ModelSession[] = [];
  const refused: string[] = [];
  const badHandshakes: string[] = [];
  const waiting: { index: number; resolve: (session: ModelSession) => void }[] = [];
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_EVENT_BYTES,
    autoPong: false,
  });
  const raw = new Set<Duplex>();
  const open = (
    peer: WebSocket | null,
    name: string,
    side: SipSessionLink | null,
  ): ModelSession => {
    const session = new ModelSession(
      peer,
      { index: sessions.length, model: name, sip: side, script: options.script },
      {
        clock,
        pace: { ...PACE, ...options.pace },
        keepAudio: options.keepAudio ?? true,
        checkIdentity: options.checkIdentity ?? false,
        transcriptDelayMs: options.transcriptDelayMs ?? 150,
        transcription: options.transcription ?? "tokens",
        rateLimits: options.rateLimits ?? "end",
        hooks,
      },
      faults,
    );
    sessions.push(session);
    hooks.onSession?.(session);
    for (const [i, waiter] of waiting.entries()) {
      if (waiter.index !== session.index) continue;
      waiting.splice(i, 1);
      waiter.resolve(session);
      break;
    }
    return session;
  };
  const sip = new SimulatedSip(options.sip ?? {}, {
    apiKey,
    clock,
    open: (_call: SipCall, side) => open(null, String(side.accepted["model"]), side),
  });
  const server = createServer((request, response) => {
    if (sip.serve(request, response)) return;
    response.writeHead(404, { "content-type": "application/json" });
    response.end(
      JSON.stringify({ error: { type: "invalid_request_error", message: "Not found" } }),
    );
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    raw.add(socket);
    socket.once("close", () => raw.delete(socket));
    // A peer that resets is not our failure.
    socket.on("error", () => {});
    if (faults.handshake === "silent") {
      refused.push("silent");
      return;
    }
    if (faults.handshake !== null) {
      refused.push(String(faults.handshake));
      deny(socket, faults.handshake, "simulated");
      return;
    }
    const wrong = handshakeFault(request, apiKey);
    if (wrong !== null) {
      refused.push(wrong.message);
      badHandshakes.push(wrong.message);
      deny(socket, wrong.status, wrong.message);
      return;
    }
    const query = new URL(request.url ?? "/", "ws://sim").searchParams;
    const callId = query.get("call_id");
    const call = callId === null ? null : sip.find(callId);
    if (call !== null && call?.state !== "live") {
      // A client that attaches too late cannot know; one that attaches too early can.
      refused.push(`no call ${callId}`);
      if (call?.state !== "over")
        badHandshakes.push(`sideband of ${callId}, which was never accepted`);
      deny(socket, 404, `No call found with id '${callId}'.`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (peer) => {
      if (call === null) open(peer, query.get("model") ?? "gpt-realtime", null);
      else if (call.session === null || call.state !== "live") peer.close(1000, "call ended");
      else {
        call.session.attach(peer);
        call.events.add("sideband", { count: call.session.sidebands.length });
      }
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", 4096, resolve);
  });
  const { port } = server.address() as AddressInfo;
  let closing: Promise<void> | null = null;
  return {
    url: `ws://127.0.0.1:${port}/v1/realtime`,
    baseUrl: `http://127.0.0.1:${port}/v1`,
    sip,
    port,
    apiKey,
    sessions,
    faults,
    refused,
    violations: () => [
      ...badHandshakes.map((text) => `handshake: ${text}`),
      ...sip.violations.map((text) => `sip: ${text}`),
      ...sessions.flatMap((session) =>
        session.violations.map((text) => `session ${session.index}: ${text}`),
      ),
    ],
    session: (index) => {
      const there = sessions[index];
      if (there !== undefined) return Promise.resolve(there);
      return new Promise((resolve) => {
        waiting.push({ index, resolve });
      });
    },
    close: () => {
      closing ??= new Promise((resolve) => {
        sip.close();
        for (const session of sessions) session.crash();
        for (const socket of raw) socket.destroy();
        server.closeAllConnections();
        server.close(() => resolve());
      });
      return closing;
    },
  };
}

function handshakeFault(
  request: IncomingMessage,
  apiKey: string,
): { readonly status: number; readonly message: string } | null {
  const url = new URL(request.url ?? "/", "ws://sim");
  if (!/^(?:\/v1)?\/realtime$/.test(url.pathname))
    return { status: 404, message: `no ${url.pathname}` };
  const { authorization } = request.headers;
  if (authorization !== `Bearer ${apiKey}`)
    return {
      status: 401,
      message: authorization === undefined ? "no Authorization" : "wrong API key",
    };
  if (request.headers["openai-beta"] !== undefined)
    return { status: 400, message: "header OpenAI-Beta: the beta interface is gone" };
  if (request.headers["sec-websocket-protocol"] !== undefined)
    return { status: 400, message: "a subprotocol was asked for" };
  const names = [...url.searchParams.keys()];
  const kinds = names.filter((name) => ["model", "call_id", "intent"].includes(name));
  const unknown = names.find((name) => !kinds.includes(name));
  if (unknown !== undefined) return { status: 400, message: `unknown query parameter ${unknown}` };
  if (kinds.length !== 1)
    return { status: 400, message: `exactly one of model, call_id, intent; got ${kinds.length}` };
  return url.searchParams.get(kinds[0]!) === ""
    ? { status: 400, message: `${kinds[0]} is empty` }
    : null;
}

function deny(socket: Duplex, status: number, message: string): void {
  const body = JSON.stringify({ error: { type: "invalid_request_error", message } });
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
