import type { us_listen_socket } from "uWebSockets.js";
import { portRefused } from "../domain/errors.js";
import { loadUws, type UwsApp } from "./uws.js";

export interface HttpServer {
  /**
   * May be called again for another port.
   *
   * @param port    0 takes a free one.
   * @param shared  other processes of the relay may listen on the same port; otherwise a port that
   *                is in use is refused.
   * @returns       the port.
   * @throws        RelayError config_invalid when it cannot be listened on.
   */
  listen(host: string, port: number, shared?: boolean): Promise<number>;
  /**
   * No new connections. Streams go on; other open connections end with their next answer.
   * Idempotent.
   */
  stopListening(): void;
  /** Ends everything at once. Idempotent. */
  close(): void;
}

/** uWebSockets.js's option bit: fail when the port is in use, instead of sharing it. */
const EXCLUSIVE_PORT = 1;

interface Listener {
  readonly host: string;
  readonly port: number;
  readonly shared: boolean;
  /** Null while paused. */
  socket: us_listen_socket | null;
}

/** The listening sockets of one uWebSockets.js app. */
export class UwsServer implements HttpServer {
  readonly #app: UwsApp;
  readonly #listeners: Listener[] = [];
  readonly #closers: (() => void)[] = [];
  #retired = false;
  #paused = false;
  #closed = false;

  constructor(app: UwsApp) {
    this.#app = app;
  }

  async listen(host: string, port: number, shared = false): Promise<number> {
    const { uws } = loadUws();
    const socket = await this.#open(host, port, shared);
    if (socket === null) throw portRefused(host, port);
    const actual = uws.us_socket_local_port(socket);
    this.#listeners.push({ host, port: actual, shared, socket });
    return actual;
  }

  #open(host: string, port: number, shared: boolean): Promise<us_listen_socket | null> {
    return new Promise((resolve) => {
      const done = (socket: us_listen_socket | false): void => {
        resolve(socket === false ? null : socket);
      };
      this.#app.listen(host.replace(/^\[|\]$/g, ""), port, shared ? 0 : EXCLUSIVE_PORT, done);
    });
  }

  /** It listened, and will not do so again. */
  get retired(): boolean {
    return this.#retired;
  }

  get paused(): boolean {
    return this.#paused;
  }

  stopListening(): void {
    this.#retired = true;
    this.#closeListeners();
  }

  /** No new connections until `resume`. The system refuses those that come meanwhile. */
  pause(): void {
    if (this.#retired || this.#paused) return;
    this.#paused = true;
    this.#closeListeners();
  }

  /** @returns  false when a port could not be opened again yet: ask again. */
  async resume(): Promise<boolean> {
    if (this.#retired || !this.#paused) return true;
    for (const listener of this.#listeners) {
      listener.socket ??= await this.#open(listener.host, listener.port, listener.shared);
    }
    if (this.#retired) this.#closeListeners();
    this.#paused = this.#listeners.some(({ socket }) => socket === null);
    return !this.#paused;
  }

  /** Runs when the server is closed. */
  onClose(run: () => void): void {
    this.#closers.push(run);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const run of this.#closers) run();
    this.stopListening();
    this.#app.close();
  }

  #closeListeners(): void {
    const { uws } = loadUws();
    for (const listener of this.#listeners) {
      if (listener.socket !== null) uws.us_listen_socket_close(listener.socket);
      listener.socket = null;
    }
  }
}
