/**
 * UpstreamDialer over ws. The only user of ws.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import { type RawData, WebSocket } from "ws";
import type {
  Clock,
  Log,
  Timer,
  UpstreamClose,
  UpstreamDialer,
  UpstreamSocket,
  UpstreamSocketEvents,
} from "../ports.js";

export interface WsUpstreamOptions {
  /** Sent as a bearer token. */
  readonly apiKey: string;
  readonly clock: Clock;
  readonly log: Log;
  /** From dial to the 101 answer. */
  readonly handshakeTimeoutMs: number;
  /** Further request headers, e.g. a project. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default 10 s. A peer from which nothing came for one whole interval after a ping is dead. */
  readonly pingIntervalMs?: number;
}

/** The model's largest message is an audio delta; its limit is 15 MiB of audio per event. */
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;
const PING_INTERVAL_MS = 10_000;
/** A peer that does not answer our close frame within this is cut off. */
const CLOSE_TIMEOUT_MS = 2_000;
/** RFC 6455, section 5.5: a control frame holds 125 bytes, 2 of them the code. */
const MAX_REASON_BYTES = 123;
/** Of the body of a refused handshake: enough for the error's code. */
const MAX_REFUSAL_BYTES = 8 * 1024;

export function createWsDialer(options: WsUpstreamOptions): UpstreamDialer {
  return { dial: (url, events) => new WsUpstream(url, events, options) };
}

class WsUpstream implements UpstreamSocket {
  readonly #ws: WebSocket;
  readonly #events: UpstreamSocketEvents;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #pingIntervalMs: number;
  /** While open: the next ping. While closing: the end of patience. */
  #timer: Timer | null = null;
  #opened = false;
  #heardSincePing = true;
  #closing = false;
  #done = false;
  /** Why it ended, where ws itself could only say 1006. */
  #failure: UpstreamClose | null = null;

  constructor(url: string, events: UpstreamSocketEvents, options: WsUpstreamOptions) {
    this.#events = events;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#pingIntervalMs = options.pingIntervalMs ?? PING_INTERVAL_MS;
    this.#ws = new WebSocket(url, {
      headers: { ...options.headers, Authorization: `Bearer ${options.apiKey}` },
      perMessageDeflate: false,
      maxPayload: MAX_PAYLOAD_BYTES,
      handshakeTimeout: options.handshakeTimeoutMs,
      followRedirects: false,
      // The messages are decoded where they are read, which replaces bad UTF-8; checking them twice costs CPU per frame.
      skipUTF8Validation: true,
    });
    this.#ws.on("open", () => this.#onOpen());
    this.#ws.on("message", (data, isBinary) => this.#onMessage(data, isBinary));
    this.#ws.on("pong", () => {
      this.#heardSincePing = true;
    });
    this.#ws.on("unexpected-response", (request, response) => this.#onRefused(request, response));
    this.#ws.on("error", (error) => this.#onError(error));
    this.#ws.on("close", (code, reason) => this.#onClose(code, reason));
  }

  send(message: Uint8Array): void {
    // ws masks into a buffer of its own before it returns: the caller's bytes are neither kept nor changed.
    if (!this.#closing && this.#ws.readyState === WebSocket.OPEN) this.#ws.send(message, TEXT);
  }

  bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  close(code: number, reason: string): void {
    if (this.#closing || this.#done) return;
    this.#closing = true;
    this.#timer?.cancel();
    if (this.#ws.readyState === WebSocket.CONNECTING) {
      this.#failure ??= { code, reason, httpStatus: null };
      this.#ws.terminate();
      return;
    }
    this.#ws.close(code, fitReason(reason));
    this.#timer = this.#clock.after(CLOSE_TIMEOUT_MS, () => this.#ws.terminate());
  }

  #onOpen(): void {
    if (this.#closing) return;
    this.#opened = true;
    this.#armPing();
    try {
      this.#events.opened();
    } catch (error) {
      this.#broke(error);
    }
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    this.#heardSincePing = true;
    if (this.#closing) return;
    if (isBinary) {
      this.#failure = { code: 1003, reason: "binary message", httpStatus: null };
      this.close(1003, "text only");
    } else if (Buffer.isBuffer(data)) {
      try {
        this.#events.message(data);
      } catch (error) {
        this.#broke(error);
      }
    }
  }

  /** A bug in one call must not take the other calls of this process with it. */
  #broke(error: unknown): void {
    this.#log.error("upstream event handler threw; its socket is closed", {}, error);
    this.#failure ??= { code: 1011, reason: "internal", httpStatus: null };
    this.close(1011, "internal");
  }

  #armPing(): void {
    this.#timer = this.#clock.after(this.#pingIntervalMs, () => {
      if (!this.#heardSincePing) {
        this.#failure = { code: 1006, reason: "no pong", httpStatus: null };
        this.#closing = true;
        this.#ws.terminate();
        return;
      }
      this.#heardSincePing = false;
      this.#ws.ping();
      this.#armPing();
    });
  }

  #onRefused(request: ClientRequest, response: IncomingMessage): void {
    const httpStatus = response.statusCode ?? 0;
    let body = "";
    const finish = () => {
      this.#failure ??= { code: 0, reason: refusalCode(body) ?? `HTTP ${httpStatus}`, httpStatus };
      request.destroy();
      this.#ws.terminate();
    };
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      body += chunk;
      if (body.length > MAX_REFUSAL_BYTES) finish();
    });
    response.on("end", finish);
    response.on("error", finish);
  }

  #onError(error: Error): void {
    // Always followed by "close"; a failure that was noted before is the cause of this one.
    const code = "code" in error && typeof error.code === "string" ? error.code : error.message;
    this.#failure ??= { code: this.#opened ? 1006 : 0, reason: code, httpStatus: null };
  }

  #onClose(code: number, reason: Buffer): void {
    if (this.#done) return;
    this.#done = true;
    this.#closing = true;
    this.#timer?.cancel();
    try {
      this.#events.closed(this.#failure ?? { code, reason: reason.toString("utf8"), httpStatus: null });
    } catch (error) {
      this.#log.error("upstream close handler threw", {}, error);
    }
  }
}

const TEXT = { binary: false } as const;

/** The `error.code` of an OpenAI error body: a stable word. Its message may repeat a part of the key. */
function refusalCode(body: string): string | null {
  return /"code"\s*:\s*"([\w.-]{1,64})"/.exec(body)?.[1] ?? null;
}

function fitReason(reason: string): string {
  let text = reason;
  while (Buffer.byteLength(text) > MAX_REASON_BYTES) text = text.slice(0, -1);
  return text;
}
