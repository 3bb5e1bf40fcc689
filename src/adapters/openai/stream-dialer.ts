/**
 * Connections to the model, plain or over TLS, made to cost little: memory to read into, certificates to trust and TLS sessions are
 * shared by all of them.
 */
import { connect, isIP, type Socket } from "node:net";
import {
  createSecureContext,
  type SecureContext,
  type TLSSocket,
  connect as tlsConnect,
} from "node:tls";

/** What libuv would ask for; a TLS record brings at most 16 KiB. */
const READ_BYTES = 64 * 1024;

export interface StreamEvents {
  /** Connected, over TLS also verified. */
  connected(): void;
  /** What came is `bytes[0 … length)`, valid only until the call returns. It must not throw. */
  read(bytes: Uint8Array, length: number): void;
  /** `closed` follows. */
  failed(error: Error): void;
  /** Once, last. */
  closed(): void;
}

export class StreamDialer {
  /**
   * Every connection reads into this: what one has read is dealt with before another reads. Node's default is 64 KiB
   * of new memory for each read, given back by the garbage collector. No Buffer: `slice` of one would not copy.
   */
  readonly #readBuffer = new Uint8Array(READ_BYTES);
  readonly #trustedCertificates: string | null;
  #secureContext: SecureContext | null = null;
  /** Of each host and port the last: who resumes it is spared the certificates, in time and memory. */
  readonly #tlsSessions = new Map<string, Buffer>();

  /** @param trustedCertificates  PEM; null: Node's own list. */
  constructor(trustedCertificates: string | null) {
    this.#trustedCertificates = trustedCertificates;
  }

  /** @param url  ws: or wss:; only host and port matter. */
  open(url: URL, events: StreamEvents): Socket {
    const secure = url.protocol === "wss:";
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
    const buffer = this.#readBuffer;
    const onread = {
      buffer,
      callback: (length: number): boolean => {
        events.read(buffer, length);
        return true;
      },
    };
    const socket = secure ? this.#openTls(host, port, onread) : connect({ host, port, onread });
    // Else a frame waits until the one before is acknowledged, which a peer that has nothing to say delays by up to 40 ms.
    socket.setNoDelay(true);
    socket.once(secure ? "secureConnect" : "connect", () => events.connected());
    socket.on("error", (error) => events.failed(error));
    socket.once("close", () => events.closed());
    return socket;
  }

  #openTls(host: string, port: number, onread: object): TLSSocket {
    const peer = `${host}:${port}`;
    // One for all: a context of its own would cost each connection a copy of its settings and a millisecond.
    this.#secureContext ??= createSecureContext(
      this.#trustedCertificates === null ? {} : { ca: this.#trustedCertificates },
    );
    const known = this.#tlsSessions.get(peer);
    // The type file does not know that tls.connect takes `onread` too.
    const options = {
      host,
      port,
      onread,
      servername: isIP(host) === 0 ? host : "",
      secureContext: this.#secureContext,
      ALPNProtocols: ["http/1.1"],
      ...(known === undefined ? {} : { session: known }),
    };
    const socket = tlsConnect(options);
    // Should the session be what went wrong, the next dial does without.
    socket.once("error", () => this.#tlsSessions.delete(peer));
    socket.once("secureConnect", () => {
      if (socket.isSessionReused()) return;
      // The server did not know it any more, or there was none; tickets come after the handshake.
      this.#tlsSessions.delete(peer);
      socket.once("session", (session) => this.#tlsSessions.set(peer, session));
    });
    return socket;
  }
}
