/**
 * The Media Streams upgrade and its socket.
 */
import type {
  HttpRequest,
  HttpResponse,
  us_socket_context_t,
  WebSocket,
  WebSocketBehavior,
} from "uWebSockets.js";
import type { Log } from "../ports/log.js";
import type { MediaReceiver, MediaSocket } from "../ports/sockets.js";
import type { CallService } from "../relay/calls/call-service.js";
import { text, write } from "./reply.js";
import type { WebhookGuard } from "./webhook-guard.js";

export interface MediaRouteParts {
  readonly desk: Pick<CallService, "openStream">;
  readonly guard: WebhookGuard;
  readonly log: Log;
  /** As it stands in `<Stream url>` of this process, without a final slash. */
  readonly mediaUrl: string;
}

/** Twilio's messages are a few hundred bytes; `start` with its parameters a few KiB. */
const MAX_PAYLOAD_BYTES = 64 * 1024;
/**
 * About 20 s of audio that Twilio's end did not take: such a caller hears nothing any more. The socket is closed, so
 * that Twilio goes on to `<Connect action>`; dropping audio in silence would leave them with holes.
 */
const MAX_BACKPRESSURE_BYTES = 256 * 1024;
/** Media comes 50 times a second; pings cover a stream without any. */
const IDLE_TIMEOUT_S = 120;

const PROTOCOL_ERROR = 1003;
const INTERNAL_ERROR = 1011;

/** A number in the types of one release of uWebSockets.js, a boolean in those of another. Both take 1. */
const CLOSE_ON_BACKPRESSURE = 1 as unknown as NonNullable<
  WebSocketBehavior<unknown>["closeOnBackpressureLimit"]
>;

/** What uWebSockets.js keeps for us beside each socket. */
interface Session {
  socket: UwsMediaSocket | null;
}

export function mediaBehavior(parts: MediaRouteParts): WebSocketBehavior<Session> {
  const { guard, mediaUrl } = parts;
  return {
    compression: 0,
    maxPayloadLength: MAX_PAYLOAD_BYTES,
    maxBackpressure: MAX_BACKPRESSURE_BYTES,
    closeOnBackpressureLimit: CLOSE_ON_BACKPRESSURE,
    idleTimeout: IDLE_TIMEOUT_S,
    maxLifetime: 0,
    sendPingsAutomatically: true,
    upgrade: (response: HttpResponse, request: HttpRequest, context: us_socket_context_t) => {
      const signature = request.getHeader("x-twilio-signature");
      // Twilio signs the URL with or without a final slash, whatever <Stream url> says.
      if (!guard.signed("media", signature, [mediaUrl, `${mediaUrl}/`])) {
        write(response, text(403, "forbidden", { close: true }));
        return;
      }
      response.upgrade<Session>(
        { socket: null },
        request.getHeader("sec-websocket-key"),
        // No subprotocol and no extension is ours, so none is agreed to.
        "",
        "",
        context,
      );
    },
    open: (ws) => {
      const socket = new UwsMediaSocket(ws, parts.log);
      ws.getUserData().socket = socket;
      socket.open(parts.desk);
    },
    message: (ws, message, isBinary) => ws.getUserData().socket?.message(message, isBinary),
    close: (ws, code) => ws.getUserData().socket?.closed(code),
  };
}

class UwsMediaSocket implements MediaSocket {
  readonly #log: Log;
  /** Null once closed: uWebSockets.js throws at whoever touches it then. */
  #ws: WebSocket<Session> | null;
  #receiver: MediaReceiver | null = null;
  #closeCode: number | null = null;

  constructor(ws: WebSocket<Session>, log: Log) {
    this.#ws = ws;
    this.#log = log;
  }

  open(desk: Pick<CallService, "openStream">): void {
    try {
      const receiver = desk.openStream(this);
      this.#receiver = receiver;
      // The desk may have closed it at once, before we knew whom to tell.
      if (this.#closeCode !== null) receiver.closed(this.#closeCode);
    } catch (error) {
      this.#broke(error);
    }
  }

  message(message: ArrayBuffer, isBinary: boolean): void {
    if (isBinary) {
      this.close(PROTOCOL_ERROR, "text only");
      return;
    }
    try {
      this.#receiver?.message(new Uint8Array(message));
    } catch (error) {
      this.#broke(error);
    }
  }

  closed(code: number): void {
    if (this.#closeCode !== null) return;
    this.#ws = null;
    this.#closeCode = code;
    try {
      this.#receiver?.closed(code);
    } catch (error) {
      this.#log.error("media close handler threw", {}, error);
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

  /** A bug in one call must not take the other calls of this process with it. */
  #broke(error: unknown): void {
    this.#log.error("media handler threw; its socket is closed", {}, error);
    this.close(INTERNAL_ERROR, "internal");
  }
}
