/**
 * UpstreamDialer over plain TCP or TLS, with WebSocket framing of its own: see
 * docs/decisions/0005-own-framing.md.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { stallAwareDeadline } from "../../domain/stall.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { LoopTimer } from "../../ports/loop-timer.js";
import type {
  UpstreamClose,
  UpstreamDialer,
  UpstreamSocket,
  UpstreamSocketEvents,
} from "../../ports/sockets.js";
import {
  acceptSource,
  type UpgradeAnswer,
  UpgradeReader,
  upgradeRequest,
} from "../../wire/http-upgrade.js";
import { CLOSE, closePayload, PING, PONG, TEXT } from "../../wire/websocket-frames.js";
import {
  FRAME_FAULTS,
  type FrameFault,
  FrameParser,
  type FrameSink,
} from "../../wire/websocket-parser.js";
import { Network } from "../network/network.js";
import { ProxyError } from "../network/tunnel.js";
import { authHeaders } from "./auth.js";
import { FrameWriter, SlotPool } from "./frame-writer.js";
import { type Stream, StreamDialer, type StreamEvents } from "./stream-dialer.js";

export interface ModelSocketOptions {
  /** Sent as the host wants it: a bearer token, or `api-key` to Azure. */
  readonly apiKey: string;
  readonly clock: Clock;
  readonly log: Log;
  /** From dial to the 101 answer. */
  readonly handshakeTimeoutMs: number;
  /** Further request headers, e.g. a project. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: a direct connection. */
  readonly network?: Network;
  /** Times what messages of the model cost. Default: nothing is timed. */
  readonly timer?: LoopTimer;
  /** Default 10 s. A peer that sends nothing for a whole interval after a ping is dead. */
  readonly pingIntervalMs?: number;
}

/** The model's largest message is an audio delta. Its limit is 15 MiB of audio per event. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const PING_INTERVAL_MS = 10_000;
/** From our close frame to the end of the connection, if the peer does not answer it. */
const CLOSE_TIMEOUT_MS = 2_000;
/** A peer that sends pings and does not read gets no answers beyond this. */
const MAX_PONG_BACKLOG_BYTES = 64 * 1024;

const NOTHING = new Uint8Array(0);
const NO_TIMER: LoopTimer = { start: () => 0, end: () => undefined };

/**
 * @throws  WireError when the key or a header cannot be sent. `dial` throws TypeError when the URL
 *          is none, or not of ws: or wss:.
 */
export function createModelSocketDialer(options: ModelSocketOptions): UpstreamDialer {
  const shared = new Shared(options);
  return { dial: (url, events) => new ModelSocket(new URL(url), events, shared) };
}

/** Shared by all sockets of a dialer. */
class Shared {
  readonly clock: Clock;
  readonly log: Log;
  readonly handshakeTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #apiKey: string;
  readonly slots = new SlotPool();
  readonly streams: StreamDialer;

  constructor(options: ModelSocketOptions) {
    this.clock = options.clock;
    this.log = options.log;
    this.handshakeTimeoutMs = options.handshakeTimeoutMs;
    this.pingIntervalMs = options.pingIntervalMs ?? PING_INTERVAL_MS;
    this.streams = new StreamDialer(options.network ?? new Network(), options.timer ?? NO_TIMER);
    this.#headers = options.headers ?? {};
    this.#apiKey = options.apiKey;
    // A header that cannot be sent is reported now, not to the first caller.
    upgradeRequest("", "/", "", { ...this.#headers, ...authHeaders("", this.#apiKey) });
  }

  headersFor(host: string): Readonly<Record<string, string>> {
    return { ...this.#headers, ...authHeaders(host, this.#apiKey) };
  }
}

type State =
  /** No answer to the handshake yet. */
  | "dialing"
  | "open"
  /** A close frame has left, or the socket is being destroyed: nothing more is sent or reported. */
  | "closing"
  | "over";

class ModelSocket implements UpstreamSocket, StreamEvents, FrameSink {
  readonly #events: UpstreamSocketEvents;
  readonly #shared: Shared;
  readonly #stream: Stream;
  /** Null until the connection is there. */
  #writer: FrameWriter | null = null;
  readonly #parser = new FrameParser(this, MAX_MESSAGE_BYTES);
  #request: string;
  /** Null once the handshake is over. */
  #answer: UpgradeReader | null;
  #state: State = "dialing";
  /** While dialing: the end of the handshake. While open: the next ping. While closing: the end. */
  #timer: Timer;
  #readSincePing = true;
  /** The peer's close frame. */
  #closed: UpstreamClose | null = null;
  /** Why it ended, unless the peer's close frame says so. */
  #failure: UpstreamClose | null = null;

  constructor(url: URL, events: UpstreamSocketEvents, shared: Shared) {
    this.#events = events;
    this.#shared = shared;
    if (url.protocol !== "wss:" && url.protocol !== "ws:")
      throw new TypeError("the URL is not of ws: or wss:");
    const key = randomBytes(16).toString("base64");
    this.#request = upgradeRequest(
      url.host,
      url.pathname + url.search,
      key,
      shared.headersFor(url.hostname),
    );
    this.#answer = new UpgradeReader(createHash("sha1").update(acceptSource(key)).digest("base64"));
    this.#stream = shared.streams.open(url, this);
    this.#timer = stallAwareDeadline(shared.clock, shared.handshakeTimeoutMs, () =>
      this.#onHandshakeTimeout(),
    );
  }

  send(message: Uint8Array): void {
    if (this.#state === "open") this.#writer?.add(TEXT, message);
  }

  bufferedBytes(): number {
    return this.#writer?.bufferedBytes ?? 0;
  }

  close(code: number, reason: string): void {
    if (this.#state === "dialing") this.#destroy({ code, reason, httpStatus: null });
    if (this.#state !== "open") return;
    this.#writer?.add(CLOSE, closePayload(code, reason));
    this.#waitForEnd();
  }

  // --- handshake --------------------------------------------------------------------------------------

  connected(socket: Socket): void {
    this.#writer = new FrameWriter(socket, this.#shared.slots);
    socket.write(this.#request, "latin1");
    this.#request = "";
  }

  #onAnswer(answer: UpgradeAnswer): void {
    switch (answer.kind) {
      case "refused": {
        const reason = refusalCode(answer.body) ?? `HTTP ${answer.status}`;
        this.#destroy({ code: 0, reason, httpStatus: answer.status });
        return;
      }
      case "invalid":
        this.#destroy({ code: 0, reason: answer.fault, httpStatus: null });
        return;
      case "accepted":
        this.#answer = null;
        this.#timer.cancel();
        this.#state = "open";
        this.#armPing();
        try {
          this.#events.opened();
        } catch (error) {
          this.#handlerFailed(error);
        }
    }
  }

  #onHandshakeTimeout(): void {
    const known = this.#answer?.ended() ?? null;
    if (known !== null) this.#onAnswer(known);
    else this.#destroy({ code: 0, reason: "handshake timed out", httpStatus: null });
  }

  // --- reading ----------------------------------------------------------------------------------------

  read(bytes: Uint8Array, length: number): void {
    this.#readSincePing = true;
    let at = 0;
    if (this.#answer !== null) {
      if (this.#state !== "dialing") return;
      const answer = this.#answer.read(bytes, 0, length);
      if (answer !== null) this.#onAnswer(answer);
      if (answer?.kind !== "accepted") return;
      at = answer.next;
    }
    this.#parser.read(bytes, at, length);
  }

  /** Binary messages are passed on like text: the session counts messages that are no events. */
  message(payload: Uint8Array): void {
    if (this.#state !== "open") return;
    try {
      this.#events.message(payload);
    } catch (error) {
      this.#handlerFailed(error);
    }
  }

  ping(payload: Uint8Array): void {
    if (this.#state === "open" && this.bufferedBytes() < MAX_PONG_BACKLOG_BYTES) {
      this.#writer?.add(PONG, payload);
    }
  }

  pong(): void {}

  closeFrame(code: number, reason: string): void {
    this.#closed = { code, reason, httpStatus: null };
    if (this.#state === "open") {
      this.#writer?.add(CLOSE, code === 1005 ? NOTHING : closePayload(code, ""));
      this.#waitForEnd();
    }
    this.#writer?.end();
  }

  faulted(fault: FrameFault): void {
    this.#failure ??= { code: 1006, reason: fault, httpStatus: null };
    this.close(FRAME_FAULTS[fault], "");
    this.#writer?.end();
  }

  get #log(): Log {
    return this.#events.log ?? this.#shared.log;
  }

  /** A fault in one call must not end the other calls of this process. */
  #handlerFailed(error: unknown): void {
    this.#log.error("model: event handler failed, socket closed", {}, error);
    this.#failure ??= { code: 1011, reason: "internal", httpStatus: null };
    this.close(1011, "internal");
  }

  // --- the end ----------------------------------------------------------------------------------------

  #armPing(): void {
    this.#timer = this.#shared.clock.after(this.#shared.pingIntervalMs, () => {
      if (!this.#readSincePing) {
        this.#destroy({ code: 1006, reason: "no pong", httpStatus: null });
        return;
      }
      this.#readSincePing = false;
      this.#writer?.add(PING, NOTHING);
      this.#armPing();
    });
  }

  #waitForEnd(): void {
    this.#state = "closing";
    this.#timer.cancel();
    this.#timer = this.#shared.clock.after(CLOSE_TIMEOUT_MS, () => this.#stream.destroy());
  }

  #destroy(failure: UpstreamClose): void {
    this.#failure ??= failure;
    this.#state = "closing";
    this.#timer.cancel();
    this.#stream.destroy();
  }

  failed(error: Error): void {
    // A failure that was noted before is the cause of this one.
    const code: unknown = error instanceof ProxyError ? null : Reflect.get(error, "code");
    const reason = typeof code === "string" ? code : error.message;
    this.#failure ??= { code: this.#answer === null ? 1006 : 0, reason, httpStatus: null };
  }

  closed(): void {
    const refused = this.#answer?.ended() ?? null;
    if (refused !== null && this.#failure === null) this.#onAnswer(refused);
    const unexplained =
      this.#answer === null
        ? { code: 1006, reason: "", httpStatus: null }
        : { code: 0, reason: "ECONNRESET", httpStatus: null };
    const failure = this.#failure ?? this.#closed ?? unexplained;
    this.#state = "over";
    this.#timer.cancel();
    this.#parser.stop();
    this.#writer?.drop();
    try {
      this.#events.closed(failure);
    } catch (error) {
      this.#log.error("model: close handler failed", {}, error);
    }
  }
}

/**
 * The `error.code` of an OpenAI error body: a stable word. Its message may repeat a part of the
 * key.
 */
function refusalCode(body: string): string | null {
  return /"code"\s*:\s*"([\w.-]{1,64})"/.exec(body)?.[1] ?? null;
}
