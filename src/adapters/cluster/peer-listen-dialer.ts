import WebSocket from "ws";
import type { CallSid } from "../../domain/ids.js";
import { TICKET_HEADER } from "../../domain/listen-ticket.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type {
  PeerConnection,
  PeerConnectionEvents,
  PeerListenDialer,
} from "../../ports/sockets.js";
import type { Network } from "../network/network.js";

/** The operator waits for it. */
const HANDSHAKE_MS = 3_000;
/** A call's messages have at most 8 KB. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** What arrives between the handshake and `begin`, which follows at once. */
const MAX_EARLY_BYTES = 256 * 1024;
/** The peer sends audio all the time; one that sends nothing after a ping is gone. */
const PING_MS = 10_000;

/** Connects to the operator listeners of other nodes, for operators who listen to their calls. */
export function createPeerListenDialer({
  network,
  clock,
  log,
}: {
  readonly network: Network;
  readonly clock: Clock;
  readonly log: Log;
}): PeerListenDialer {
  const agents = network.agents();
  return {
    dial: (url, callSid, ticket) =>
      new Promise((resolve) => {
        const socket = open(url, callSid, ticket);
        if (socket === null) {
          log.warn("listen: another node names no usable address", { callSid });
          resolve(null);
          return;
        }
        const connection = new Connection(socket, clock);
        socket.once("open", () => resolve(connection));
        // "close" follows, also after a refused handshake.
        socket.on("error", (error) => {
          log.warn("listen: connection to another node failed", { callSid }, error);
          resolve(null);
        });
      }),
  };

  function open(url: string, callSid: CallSid, ticket: string): WebSocket | null {
    try {
      const target = new URL(`${url}/api/calls/${encodeURIComponent(callSid)}/listen`);
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

  send(ulaw: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(Buffer.from(ulaw));
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
