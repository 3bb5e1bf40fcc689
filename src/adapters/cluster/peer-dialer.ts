import WebSocket from "ws";
import type { CallSid } from "../../domain/ids.js";
import { TICKET_HEADER } from "../../domain/peer-ticket.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type {
  PeerConnection,
  PeerConnectionEvents,
  PeerDialer,
  PeerPurpose,
} from "../../ports/sockets.js";
import type { Network } from "../network/network.js";

/** An operator or a supervisor's caller waits for it. */
const HANDSHAKE_MS = 3_000;
/** A listener's messages have at most 8 KB, those of a stream less. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** What arrives between the handshake and `begin`, which follows at once. */
const MAX_EARLY_BYTES = 256 * 1024;
/** The peer sends audio all the time; one that sends nothing after a ping is gone. */
const PING_MS = 10_000;

/**
 * Connects to the operator listeners of other processes, for operators who listen to their calls and for
 * streams of their calls.
 */
export function createPeerDialer({
  network,
  clock,
  log,
}: {
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Log;
}): PeerDialer {
  const agents = network.agents();
  return {
    dial: (url, callSid, purpose, ticket) =>
      new Promise((resolve) => {
        const socket = open(url, callSid, purpose, ticket);
        if (socket === null) {
          log.warn("cluster: address of another process is not usable", { callSid, purpose });
          resolve(null);
          return;
        }
        const connection = new Connection(socket, clock);
        socket.once("open", () => resolve(connection));
        // "close" follows, also after a refused handshake.
        socket.on("error", (error) => {
          log.warn("cluster: connection to another process failed", { callSid, purpose }, error);
          resolve(null);
        });
      }),
  };

  function open(
    url: string,
    callSid: CallSid,
    purpose: PeerPurpose,
    ticket: string,
  ): WebSocket | null {
    try {
      const target = new URL(`${url}/api/calls/${encodeURIComponent(callSid)}/${purpose}`);
      target.protocol = target.protocol === "https:" ? "wss:" : "ws:";
      return new WebSocket(target, {
        agent: target.protocol === "wss:" ? agents.https : agents.http,
        headers: { [TICKET_HEADER]: ticket },
        handshakeTimeout: HANDSHAKE_MS,
        maxPayload: MAX_MESSAGE_BYTES,
        perMessageDeflate: false,
        ...(network.trustedCertificates === null ? {} : { ca: network.trustedCertificates }),
      });
    } catch (error) {
      if (error instanceof TypeError || error instanceof SyntaxError) return null;
      throw error;
    }
  }
}

class Connection implements PeerConnection {
  readonly #socket: WebSocket;
  #events: PeerConnectionEvents | null = null;
  #early: (() => void)[] = [];
  #earlyBytes = 0;
  readonly #clock: Clock;
  #nextPing: Timer;
  #hasAnswered = true;

  constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.on("message", (data: Buffer, isBinary) => {
      this.#hasAnswered = true;
      this.#report(data.length, (events) => events.message(data, isBinary));
    });
    socket.on("pong", () => {
      this.#hasAnswered = true;
    });
    socket.on("close", (code, reason) => {
      this.#nextPing.cancel();
      this.#report(0, (events) => events.closed(code, reason.toString()));
    });
    this.#nextPing = this.#pingLater();
  }

  begin(events: PeerConnectionEvents): void {
    this.#events = events;
    for (const report of this.#early) report();
    this.#early = [];
  }

  send(message: Uint8Array, isBinary: boolean): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(Buffer.from(message), { binary: isBinary });
  }

  bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  #pingLater(): Timer {
    return this.#clock.after(PING_MS, () => {
      this.#nextPing = this.#pingLater();
      if (!this.#hasAnswered) this.#socket.terminate();
      else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
      this.#hasAnswered = false;
    });
  }

  #report(bytes: number, report: (events: PeerConnectionEvents) => void): void {
    if (this.#events !== null) {
      report(this.#events);
      return;
    }
    this.#earlyBytes += bytes;
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.#socket.terminate();
    else
      this.#early.push(() => {
        if (this.#events !== null) report(this.#events);
      });
  }
}
