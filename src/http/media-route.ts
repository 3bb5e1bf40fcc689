/** The Media Streams upgrade and its socket. */
import type {
  HttpRequest,
  HttpResponse,
  us_socket_context_t,
  WebSocket,
  WebSocketBehavior,
} from "uWebSockets.js";
import type { Log } from "../ports/log.js";
import type { LoopTimer } from "../ports/loop-timer.js";
import type { Metrics } from "../ports/metrics.js";
import type { MediaReceiver, MediaSocket } from "../ports/sockets.js";
import type { CallService } from "../relay/calls/call-service.js";
import { MEDIA_PATH, type MediaAddresses } from "./media-paths.js";
import { text, write } from "./reply.js";
import type { WebhookGuard } from "./webhook-guard.js";

export interface MediaRouteParts {
  readonly calls: Pick<CallService, "openStream">;
  readonly guard: WebhookGuard;
  readonly metrics: Pick<Metrics, "httpRequests">;
  readonly timer: LoopTimer;
  readonly log: Log;
  readonly addresses: MediaAddresses;
}

/** Twilio's messages are a few hundred bytes; `start` with its parameters a few KiB. */
const MAX_PAYLOAD_BYTES = 64 * 1024;
/**
 * About 20 s of audio that Twilio did not take: such a caller hears nothing any more. The socket is
 * closed, so that Twilio continues at `<Connect action>`. Dropping audio would leave gaps.
 */
const MAX_BACKPRESSURE_BYTES = 256 * 1024;
/** Media comes 50 times a second; pings cover a stream without any. */
const IDLE_TIMEOUT_S = 120;

const PROTOCOL_ERROR = 1003;
const INTERNAL_ERROR = 1011;

/**
 * The types of one release of uWebSockets.js want a number, those of another a boolean. Both take
 * 1.
 */
const CLOSE_ON_BACKPRESSURE = 1 as unknown as NonNullable<
  WebSocketBehavior<unknown>["closeOnBackpressureLimit"]
>;

/** What uWebSockets.js keeps for the relay beside each socket. */
export interface Session {
  socket: UwsMediaSocket | null;
  /** Beside its socket, so that a message need not touch that one. Null: messages are dropped. */
  receiver: MediaReceiver | null;
}

export function mediaBehavior(parts: MediaRouteParts): WebSocketBehavior<Session> {
  const { addresses, calls, guard, metrics } = parts;
  return {
    ...streamBehavior({ ...parts, openStream: (socket) => calls.openStream(socket) }),
    upgrade: (response: HttpResponse, request: HttpRequest, context: us_socket_context_t) => {
      const head = {
        address: Buffer.from(response.getRemoteAddressAsText()).toString("latin1"),
        header: (name: string) => request.getHeader(name),
      };
      const urls = addresses.signedUrls(request.getUrl());
      if (urls.length === 0) {
        metrics.httpRequests.observe(0, MEDIA_PATH, "404");
        write(response, text(404, "not found", { close: true }));
        return;
      }
      const isSigned = guard.signedHead("media", head, urls);
      metrics.httpRequests.observe(0, MEDIA_PATH, isSigned ? "101" : "403");
      if (!isSigned) {
        write(response, text(403, "forbidden", { close: true }));
        return;
      }
      acceptStream(response, request, context);
    },
  };
}

/** The upgrade has been judged. */
export function acceptStream(
  response: HttpResponse,
  request: HttpRequest,
  context: us_socket_context_t,
): void {
  response.upgrade<Session>(
    { socket: null, receiver: null },
    request.getHeader("sec-websocket-key"),
    // The relay speaks no subprotocol and no extension, so it agrees to none.
    "",
    "",
    context,
  );
}

export interface StreamBehaviorParts {
  openStream(socket: MediaSocket): MediaReceiver;
  readonly timer: LoopTimer;
  readonly log: Log;
}

/** Sockets with Twilio's messages, once they are accepted. */
export function streamBehavior({
  openStream,
  timer,
  log,
}: StreamBehaviorParts): WebSocketBehavior<Session> {
  return {
    compression: 0,
    maxPayloadLength: MAX_PAYLOAD_BYTES,
    maxBackpressure: MAX_BACKPRESSURE_BYTES,
    closeOnBackpressureLimit: CLOSE_ON_BACKPRESSURE,
    idleTimeout: IDLE_TIMEOUT_S,
    maxLifetime: 0,
    sendPingsAutomatically: true,
    open: (ws) => {
      const socket = new UwsMediaSocket(ws, log);
      const session = ws.getUserData();
      session.socket = socket;
      session.receiver = socket.open(openStream);
    },
    message: (ws, message, isBinary) => {
      const startedMs = timer.start();
      const session = ws.getUserData();
      if (isBinary) session.socket?.close(PROTOCOL_ERROR, "text only");
      else {
        try {
          session.receiver?.message(new Uint8Array(message));
        } catch (error) {
          session.socket?.failed(error);
        }
      }
      timer.end("media_message", startedMs);
    },
    close: (ws, code) => {
      const session = ws.getUserData();
      session.receiver = null;
      session.socket?.closed(code);
    },
  };
}

class UwsMediaSocket implements MediaSocket {
  readonly #log: Log;
  /** Null once closed: uWebSockets.js throws when a closed socket is touched. */
  #ws: WebSocket<Session> | null;
  #receiver: MediaReceiver | null = null;
  #closeCode: number | null = null;

  constructor(ws: WebSocket<Session>, log: Log) {
    this.#ws = ws;
    this.#log = log;
  }

  /** @returns the receiver of its messages; null: they are dropped. */
  open(openStream: StreamBehaviorParts["openStream"]): MediaReceiver | null {
    try {
      const receiver = openStream(this);
      this.#receiver = receiver;
      if (this.#closeCode === null) return receiver;
      // The stream was closed at once, before its receiver was known here.
      receiver.closed(this.#closeCode);
    } catch (error) {
      this.failed(error);
    }
    return null;
  }

  closed(code: number): void {
    if (this.#closeCode !== null) return;
    this.#ws = null;
    this.#closeCode = code;
    try {
      this.#receiver?.closed(code);
    } catch (error) {
      this.#callLog.error("media: close handler failed", {}, error);
    }
  }

  send(message: Uint8Array): boolean {
    // 2 = dropped: the limit was reached, and the socket is being closed.
    return this.#ws !== null && this.#ws.send(message, false, false) !== 2;
  }

  cork(write: () => void): void {
    if (this.#ws === null) write();
    else this.#ws.cork(write);
  }

  bufferedBytes(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
  }

  close(code: number, reason: string): void {
    this.#ws?.end(code, reason);
  }

  get #callLog(): Log {
    return this.#receiver?.log ?? this.#log;
  }

  /** A fault in one call must not end the other calls of this process. */
  failed(error: unknown): void {
    this.#callLog.error("media: handler failed, socket closed", {}, error);
    this.close(INTERNAL_ERROR, "internal");
  }
}
