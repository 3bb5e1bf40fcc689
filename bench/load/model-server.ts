/**
 * The model's side: a WebSocket server that makes a session of every socket, and Twilio's REST
 * beside it.
 */
import type { us_listen_socket, WebSocket } from "uWebSockets.js";
import { loadUws, type Uws, type UwsApp } from "../../src/http/uws.js";
import { Random } from "../random.js";
import type { Meters } from "./meters.js";
import { ModelSession } from "./model-session.js";
import type { Scenario } from "./scenario.js";
import {
  decode,
  FRAME_BYTES,
  FRAME_CHARS,
  readFrameText,
  readStamp,
  type Stamp,
} from "./stamped-audio.js";
import type { Wheel } from "./wheel.js";

/** Takes a session once its first frame tells which call it belongs to. */
export interface SessionOwner {
  /** False: no such call. */
  claim(session: ModelSession, callId: number): boolean;
  /** A session of a call was closed by the relay. */
  released(session: ModelSession): void;
}

interface Held {
  session: ModelSession | null;
}

/** Certificate and key of a server that speaks TLS, as file names. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

const stamp: Stamp = { id: 0, seq: 0, body: 0 };
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export class ModelServer {
  readonly #scenario: Scenario;
  readonly #meters: Meters;
  readonly #wheel: Wheel;
  readonly #owner: SessionOwner;
  readonly #uws: Uws;
  readonly #app: UwsApp;
  readonly #sessions = new Map<number, ModelSession>();
  #listening: us_listen_socket | null = null;
  #lastIndex = 0;

  constructor(
    scenario: Scenario,
    meters: Meters,
    wheel: Wheel,
    owner: SessionOwner,
    tls: TlsFiles | null,
  ) {
    this.#scenario = scenario;
    this.#meters = meters;
    this.#wheel = wheel;
    this.#owner = owner;
    const { uws } = loadUws();
    this.#uws = uws;
    this.#app = tls === null ? uws.App() : secureApp(uws, tls);
    this.#app.ws<Held>("/*", {
      compression: 0,
      maxPayloadLength: MAX_MESSAGE_BYTES,
      maxBackpressure: MAX_MESSAGE_BYTES,
      idleTimeout: 120,
      upgrade: (response, request, context) => {
        response.upgrade<Held>(
          { session: null },
          request.getHeader("sec-websocket-key"),
          "",
          "",
          context,
        );
      },
      open: (ws) => this.#open(ws),
      message: (ws, bytes) => {
        const { session } = ws.getUserData();
        session?.message(Buffer.from(bytes));
      },
      close: (ws) => {
        const { session } = ws.getUserData();
        if (session !== null) this.#close(session);
      },
    });
  }

  get openSessions(): number {
    return this.#sessions.size;
  }

  session(index: number): ModelSession | undefined {
    return this.#sessions.get(index);
  }

  /** @param port  0 takes a free one. @returns the port. */
  listen(port: number): Promise<number> {
    return listen(this.#uws, this.#app, port).then(({ socket, port: taken }) => {
      this.#listening = socket;
      return taken;
    });
  }

  close(): void {
    if (this.#listening !== null) this.#uws.us_listen_socket_close(this.#listening);
    this.#listening = null;
    this.#app.close();
  }

  #open(ws: WebSocket<Held>): void {
    const index = ++this.#lastIndex;
    const session: ModelSession = new ModelSession(index, {
      scenario: this.#scenario,
      random: new Random(this.#scenario.seed * 7919 + index),
      meters: this.#meters,
      send: (text) => {
        if (!session.closed) ws.send(text, false, false);
      },
      unclaimed: (unclaimed, message, start, end) => this.#claim(unclaimed, message, start, end),
    });
    ws.getUserData().session = session;
    this.#sessions.set(index, session);
    this.#meters.sessions++;
    this.#wheel.add(session);
    session.begin();
  }

  /** The first audio of a session tells which call it belongs to. */
  #claim(session: ModelSession, text: Buffer, start: number, end: number): void {
    let found = end - start === FRAME_CHARS && readFrameText(text, start, stamp);
    if (!found) {
      const { bytes, length } = decode(text, start, end);
      for (let at = 0; at + FRAME_BYTES <= length && !found; at++)
        found = readStamp(bytes, at, stamp);
    }
    if (found) this.#owner.claim(session, stamp.id);
  }

  #close(session: ModelSession): void {
    session.closed = true;
    this.#sessions.delete(session.index);
    this.#wheel.remove(session);
    if (session.listener === null) this.#meters.sessionsUnclaimed++;
    this.#owner.released(session);
  }
}

/** A part of the binding that the relay does not use. */
interface WithTls {
  SSLApp(options: { readonly cert_file_name: string; readonly key_file_name: string }): UwsApp;
}

function secureApp(uws: Uws, tls: TlsFiles): UwsApp {
  if (!hasTls(uws)) throw new Error("this build of uWebSockets.js has no TLS");
  return uws.SSLApp({ cert_file_name: tls.cert, key_file_name: tls.key });
}

function hasTls(uws: Uws): uws is Uws & WithTls {
  return "SSLApp" in uws && typeof uws.SSLApp === "function";
}

export function listen(
  uws: Uws,
  app: UwsApp,
  port: number,
): Promise<{ readonly socket: us_listen_socket; readonly port: number }> {
  return new Promise((resolve, reject) => {
    app.listen("127.0.0.1", port, 1, (socket) => {
      if (socket === false) reject(new Error(`port ${port} is taken`));
      else resolve({ socket, port: uws.us_socket_local_port(socket) });
    });
  });
}
