/**
 * Connections to the model, plain or over TLS, directly or through a forward proxy. They are made
 * to cost little: the memory to read into, the certificates and the TLS sessions are shared by all.
 */
import { connect, isIP, type Socket } from "node:net";
import {
  createSecureContext,
  type SecureContext,
  type TLSSocket,
  connect as tlsConnect,
} from "node:tls";
import type { LoopTimer } from "../../ports/loop-timer.js";
import type { Network } from "../network/network.js";
import { openTunnel } from "../network/tunnel.js";

/** As much as libuv would ask for; a TLS record brings at most 16 KiB. */
const READ_BYTES = 64 * 1024;

export interface StreamEvents {
  /** Connected, over TLS also verified. */
  connected(socket: Socket): void;
  /** What came is `bytes[0 … length)`, valid only until the call returns. It must not throw. */
  read(bytes: Uint8Array, length: number): void;
  /** `closed` follows. */
  failed(error: Error): void;
  /** Once, last. */
  closed(): void;
}

/** A connection that is being made or is there. */
export interface Stream {
  /** Ends it at once. Idempotent. */
  destroy(): void;
}

interface Peer {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

interface OnRead {
  readonly buffer: Uint8Array;
  readonly callback: (length: number) => boolean;
}

export class StreamDialer {
  /**
   * Every connection reads into this: what one has read is processed before another reads. Node's
   * default is 64 KiB of new memory for each read, given back by the garbage collector. It is no
   * Buffer: `slice` of a Buffer does not copy.
   */
  readonly #readBuffer = new Uint8Array(READ_BYTES);
  readonly #network: Network;
  readonly #timer: LoopTimer;
  #secureContext: SecureContext | null = null;
  /** The last session of each host and port. To resume it saves time and memory. */
  readonly #tlsSessions = new Map<string, Buffer>();

  constructor(network: Network, timer: LoopTimer) {
    this.#network = network;
    this.#timer = timer;
  }

  /** @param url  ws: or wss:; only host and port matter. */
  open(url: URL, events: StreamEvents): Stream {
    const secure = url.protocol === "wss:";
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const peer = { host, port: url.port === "" ? (secure ? 443 : 80) : Number(url.port), secure };
    const proxy = this.#network.proxies.proxyFor(peer.host, peer.port);
    if (proxy === null) {
      const { lookup } = this.#network.resolver;
      return this.#start(peer, { ...peer, lookup }, events);
    }
    let stream: Stream = openTunnel(proxy, peer, this.#network.tunnelOptions, (error, socket) => {
      if (error === null) {
        stream = this.#start(peer, { socket }, events);
      } else {
        events.failed(error);
        events.closed();
      }
    });
    return { destroy: () => stream.destroy() };
  }

  /** @param road  host and port to connect to, or the socket of a tunnel. */
  #start(peer: Peer, road: Road, events: StreamEvents): Socket {
    const buffer = this.#readBuffer;
    const onread: OnRead = {
      buffer,
      callback: (length) => {
        this.#read(events, buffer, length);
        return true;
      },
    };
    const socket = peer.secure
      ? this.#startTls(peer, road, onread)
      : "socket" in road
        ? road.socket
        : connect({ ...road, onread });
    // Otherwise a frame waits until the one before is acknowledged, which a peer that has nothing
    // to send delays by up to 40 ms.
    socket.setNoDelay(true);
    socket.on("error", (error) => events.failed(error));
    socket.once("close", () => events.closed());
    if ("socket" in road) this.#readTunnel(socket, events);
    if ("socket" in road && !peer.secure) events.connected(socket);
    else socket.once(peer.secure ? "secureConnect" : "connect", () => events.connected(socket));
    return socket;
  }

  /**
   * Node ignores `onread` for a socket from a tunnel: behind a proxy each read takes new memory.
   */
  #readTunnel(socket: Socket, events: StreamEvents): void {
    socket.on("data", (chunk: Buffer) => {
      const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
      this.#read(events, bytes, chunk.length);
    });
    socket.resume();
  }

  #read(events: StreamEvents, bytes: Uint8Array, length: number): void {
    const startedMs = this.#timer.start();
    events.read(bytes, length);
    this.#timer.end("model_message", startedMs);
  }

  #startTls({ host, port }: Peer, road: Road, onread: OnRead): TLSSocket {
    const peer = `${host}:${port}`;
    const { trustedCertificates } = this.#network;
    // One for all: a context of its own would cost each connection a copy of its settings and a
    // millisecond.
    this.#secureContext ??= createSecureContext(
      trustedCertificates === null ? {} : { ca: trustedCertificates },
    );
    const known = this.#tlsSessions.get(peer);
    // The type file does not know that tls.connect takes `onread` too.
    const options = {
      ...road,
      onread,
      servername: isIP(host) === 0 ? host : "",
      secureContext: this.#secureContext,
      ALPNProtocols: ["http/1.1"],
      ...(known === undefined ? {} : { session: known }),
    };
    const socket = tlsConnect(options);
    // If the session is what went wrong, the next dial does without it.
    socket.once("error", () => this.#tlsSessions.delete(peer));
    socket.once("secureConnect", () => {
      if (socket.isSessionReused()) return;
      // The server no longer knew it, or there was none. Tickets come after the handshake.
      this.#tlsSessions.delete(peer);
      socket.once("session", (session) => this.#tlsSessions.set(peer, session));
    });
    return socket;
  }
}

type Road =
  | { readonly socket: Socket }
  | {
      readonly host: string;
      readonly port: number;
      readonly lookup: Network["resolver"]["lookup"];
    };
