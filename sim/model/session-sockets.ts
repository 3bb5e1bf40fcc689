/**
 * The sockets of one session: the single one of a plain session, or the sidebands of a SIP call.
 * The server sends pings of its own and closes a client that does not answer them.
 */
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { SimClock, SimTimer } from "../clock.js";
import type { PingTimes } from "./session-types.js";

const OPEN = 1;
const PING_PAYLOAD_BYTES = 4;
/** Internal error, as the server's WebSocket library closes on a missing pong. */
const KEEPALIVE_TIMEOUT = 1011;

export interface SocketEvents {
  message(data: Buffer, isBinary: boolean): void;
  /** Whether pings of the client are answered. */
  answersPings(): boolean;
  closed(code: number): void;
}

export class SessionSockets {
  /** Pings sent, all sockets. */
  pings = 0;
  readonly #clock: SimClock;
  readonly #pings: PingTimes | null;
  /** Each with the stream below it. */
  readonly #sockets = new Map<WebSocket, Duplex>();

  constructor(clock: SimClock, pings: PingTimes | null) {
    this.#clock = clock;
    this.#pings = pings;
  }

  add(socket: WebSocket, stream: Duplex, events: SocketEvents): void {
    this.#sockets.set(socket, stream);
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (this.#sockets.has(socket)) events.message(data, isBinary);
    });
    socket.on("ping", (data: Buffer) => {
      if (this.#sockets.has(socket) && events.answersPings()) socket.pong(data);
    });
    // Always followed by a close.
    socket.on("error", () => {});
    const stopPinging = this.#keepAlive(socket);
    socket.on("close", (code) => {
      stopPinging();
      this.#sockets.delete(socket);
      events.closed(code);
    });
  }

  /** Some socket is listened to. */
  get any(): boolean {
    return this.#sockets.size > 0;
  }

  send(text: string): void {
    for (const socket of this.#sockets.keys()) if (socket.readyState === OPEN) socket.send(text);
  }

  /** What is sent by `run` leaves in one packet. */
  inOnePacket(run: () => void): void {
    const streams = [...this.#sockets.values()];
    for (const stream of streams) stream.cork();
    try {
      run();
    } finally {
      for (const stream of streams) stream.uncork();
    }
  }

  close(code: number, reason: string): void {
    for (const socket of this.#sockets.keys()) socket.close(code, reason);
  }

  /** Without a close frame. */
  terminate(): void {
    for (const socket of this.#sockets.keys()) socket.terminate();
  }

  /** Sends and answers nothing more; the sockets stay open. */
  hang(): void {
    this.#sockets.clear();
  }

  #keepAlive(socket: WebSocket): () => void {
    const times = this.#pings;
    if (times === null) return () => {};
    let next: SimTimer | null = null;
    let deadline: SimTimer | null = null;
    const arm = () => {
      next = this.#clock.after(times.everyMs, () => {
        if (!this.#sockets.has(socket)) return;
        this.pings++;
        socket.ping(randomBytes(PING_PAYLOAD_BYTES));
        deadline = this.#clock.after(times.answerWithinMs, () => {
          socket.close(KEEPALIVE_TIMEOUT, "keepalive ping timeout");
          socket.terminate();
        });
        arm();
      });
    };
    socket.on("pong", () => deadline?.cancel());
    arm();
    return () => {
      next?.cancel();
      deadline?.cancel();
    };
  }
}
