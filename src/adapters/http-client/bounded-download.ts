import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { WireError } from "../../domain/errors.js";
import { type HttpHead, HttpResponseReader } from "../../wire/http-response.js";
import { Network } from "../network/network.js";
import { tunnel } from "../network/tunnel.js";

const BLOCK_BYTES = 64 * 1024;

export interface DownloadResult {
  readonly head: HttpHead;
  /**
   * The body, a piece at a time. The next is read when `take` has resolved, and may lie in the same
   * memory. Rejects when the connection breaks before the end, or with what `take` rejected with.
   */
  read(take: (bytes: Buffer) => Promise<void>): Promise<void>;
  /** Must be called at the end, however much was read. */
  close(): void;
}

/**
 * A GET of something large. Node's own HTTP client takes a new buffer of 64 KB for every read from
 * the socket, and V8 lets some 30 MB of those accumulate before it collects the first. Here all of
 * the body passes through a few buffers.
 *
 * Follows no redirect. Resolves with any status; rejects with the socket's error, a WireError, or
 * the signal's reason.
 *
 * @param network  default: a direct connection.
 */
export async function boundedDownload(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  network = new Network(),
): Promise<DownloadResult> {
  const exchange = new Download(network, signal);
  try {
    const head = await exchange.begin(url, headers);
    return { head, read: async (take) => await exchange.read(take), close: () => exchange.close() };
  } catch (error) {
    exchange.close();
    throw error;
  }
}

interface Block {
  readonly bytes: Buffer;
  length: number;
}

interface Failure {
  readonly error: unknown;
}

class Download {
  readonly #reader = new HttpResponseReader();
  readonly #arriving = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  readonly #network: Network;
  readonly #signal: AbortSignal;
  #socket: Socket | null = null;
  /**
   * What has arrived and is not taken yet; while there is any, nothing is read. TLS still hands
   * over all that it has decrypted already, some 64 KB, so that one block is not enough.
   */
  #waiting: Block[] = [];
  readonly #free: Buffer[] = [];
  #failure: Failure | null = null;
  #wake: (() => void) | null = null;

  constructor(network: Network, signal: AbortSignal) {
    this.#network = network;
    this.#signal = signal;
  }

  async begin(url: URL, headers: Readonly<Record<string, string>>): Promise<HttpHead> {
    this.#signal.throwIfAborted();
    this.#signal.addEventListener("abort", this.#aborted);
    const socket = await this.#dial(url);
    const lines = Object.entries({ host: url.host, connection: "close", ...headers });
    const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\n${text}\r\n`, "latin1");
    while (this.#reader.head === null) await this.#arrival();
    return this.#reader.head;
  }

  async #dial(url: URL): Promise<Socket> {
    const tls = url.protocol === "https:";
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const port = url.port === "" ? (tls ? 443 : 80) : Number(url.port);
    const callback = (length: number): boolean => this.#received(this.#arriving, length);
    const onread = { buffer: this.#arriving, callback };
    const { proxies, resolver, tunnelOptions, trustedCertificates } = this.#network;
    const proxy = proxies.proxyFor(host, port);
    const opened =
      proxy === null ? null : await tunnel(proxy, { host, port }, tunnelOptions, this.#signal);
    const direct = { host, port, lookup: resolver.lookup, onread };
    const socket = this.#watch(
      tls
        ? connectTls({
            ...(opened === null ? direct : { socket: opened }),
            // Server names are for names: TLS has none for an address.
            ...(isIP(host) === 0 ? { servername: host } : {}),
            ...(trustedCertificates === null ? {} : { ca: trustedCertificates }),
          })
        : (opened ?? connect(direct)),
    );
    if (opened !== null) {
      // Node ignores `onread` for a socket from a tunnel: each read takes new memory.
      socket.on("data", (chunk: Buffer) => {
        if (!this.#received(chunk, chunk.length)) socket.pause();
      });
      socket.resume();
    }
    return socket;
  }

  #watch(socket: Socket): Socket {
    this.#socket = socket;
    socket.on("error", (error) => this.#fail(error));
    socket.on("end", () => this.#ended());
    socket.on("close", () => this.#ended());
    return socket;
  }

  /** Returns false so that nothing more is read until all that waits has been taken. */
  #received(bytes: Buffer, length: number): boolean {
    try {
      this.#reader.read(bytes, 0, length, (from, to) => this.#keep(bytes, from, to));
    } catch (error) {
      this.#fail(error);
    }
    this.#wakeUp();
    return this.#waiting.length === 0;
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      let block = this.#waiting.at(-1);
      if (block === undefined || block.length === BLOCK_BYTES) {
        block = { bytes: this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES), length: 0 };
        this.#waiting.push(block);
      }
      const copied = bytes.copy(block.bytes, block.length, at, to);
      block.length += copied;
      at += copied;
    }
  }

  async read(take: (bytes: Buffer) => Promise<void>): Promise<void> {
    for (;;) {
      const taken = this.#waiting;
      this.#waiting = [];
      for (const { bytes, length } of taken) {
        await take(bytes.subarray(0, length));
        this.#free.push(bytes);
      }
      if (this.#reader.done && this.#waiting.length === 0) return;
      if (this.#waiting.length === 0) this.#socket?.resume();
      await this.#arrival();
    }
  }

  /**
   * Resolves when something has arrived. Rejects with what went wrong, once all that arrived before
   * it has been taken.
   */
  async #arrival(): Promise<void> {
    this.#throwFailure();
    if (this.#waiting.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#waiting.length === 0 && this.#failure !== null) throw this.#failure.error;
  }

  #ended(): void {
    if (!this.#reader.ended()) this.#fail(new Error("the connection ended before the answer did"));
    this.#wakeUp();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }

  readonly #aborted = (): void => {
    this.#fail(this.#signal.reason ?? new WireError("aborted"));
    this.#socket?.destroy();
  };

  close(): void {
    this.#signal.removeEventListener("abort", this.#aborted);
    this.#socket?.destroy();
    this.#wakeUp();
  }
}
