import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { EXPOSITION_TYPE } from "../adapters/metrics/exposition.js";
import { portRefused } from "../domain/errors.js";
import { ANY_CALL_ID, type CallSid } from "../domain/ids.js";
import { RefusalLog } from "../http/refusal-log.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Readiness } from "../relay/calls/call-service.js";
import { mergeEvents } from "./event-merge.js";
import { forwardedHeaders, responseHeaders } from "./proxy-headers.js";
import { RELOAD_MS } from "./worker-link.js";

export interface OperatorProxyParts {
  /** What a request waits for while no worker has listened yet; null: nothing. */
  readonly begun: () => Promise<void> | null;
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: () => Promise<string>;
  /** Operator ports of workers, on loopback, the best one for this call first. */
  readonly workers: (callSid: CallSid | null) => readonly number[];
  /**
   * Whether a request with these headers may read /metrics and /ready. A worker decides about every
   * other request.
   */
  readonly mayReadHealth: (host: string, authorization: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * A worker that accepts a request and does not answer is stalled, and will be killed soon. Once the
 * answer has begun, a stream may be silent for longer.
 */
const ANSWER_MS = 10_000;

const MAX_LOGGED_CHARS = 100;

const PATH_OF_A_CALL = new RegExp(`^/api/calls/(${ANY_CALL_ID})(?:/|$)`);

/** A worker answers a reload itself when it takes too long. */
export function answerMs(path: string): number {
  return path === "/api/agents/reload" ? RELOAD_MS + ANSWER_MS : ANSWER_MS;
}

/**
 * The operator listener of a machine. It answers metrics and readiness for all workers, and
 * forwards every other request to the operator listener of a worker.
 *
 * It uses Node's HTTP, which streams both ways. Speed does not matter here.
 */
export class OperatorProxy {
  readonly #parts: OperatorProxyParts;
  readonly #server: Server;
  /** Of requests that a worker did not answer: a head that it does not take is one, too. */
  readonly #unanswered: RefusalLog;

  constructor(parts: OperatorProxyParts) {
    this.#parts = parts;
    this.#unanswered = new RefusalLog(parts.log, () => parts.clock.nowMs());
    this.#server = createServer((incoming, outgoing) => this.#handle(incoming, outgoing));
    this.#server.on("upgrade", (incoming, socket: Socket, head) =>
      this.#forwardUpgrade(incoming, socket, head),
    );
  }

  /** @throws RelayError config_invalid when the port cannot be listened on. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error) => reject(portRefused(host, port, error)));
      this.#server.listen(port, host.replace(/^\[|\]$/g, ""), () => {
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const begun = this.#parts.begun();
    if (begun === null) this.#answer(incoming, outgoing);
    else void begun.then(() => outgoing.destroyed || this.#answer(incoming, outgoing));
  }

  #answer(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const path = pathOf(incoming);
    if (path === "/metrics" || path === "/ready") {
      incoming.resume();
      void this.#answerForAll(incoming, outgoing, path);
    } else if (path === "/api/events" && incoming.method === "GET") {
      this.#mergeEvents(incoming, outgoing);
    } else {
      this.#forward(incoming, outgoing, path);
    }
  }

  async #answerForAll(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    path: "/metrics" | "/ready",
  ): Promise<void> {
    const { mayReadHealth, metrics, readiness, log } = this.#parts;
    if (incoming.method !== "GET" && incoming.method !== "HEAD") {
      outgoing.setHeader("Allow", "GET");
      answer(outgoing, 405, "text/plain; charset=utf-8", "method not allowed\n");
      return;
    }
    const { host = "", authorization = "" } = incoming.headers;
    if (!mayReadHealth(host, authorization)) {
      answerJson(outgoing, 403, { error: "host" });
      return;
    }
    try {
      if (path === "/ready") {
        const ready = await readiness();
        answerJson(outgoing, ready.ready ? 200 : 503, ready);
        return;
      }
      answer(outgoing, 200, EXPOSITION_TYPE, await metrics());
    } catch (error) {
      log.error("http: operator request failed", { path }, error);
      answerJson(outgoing, 500, { error: "internal" });
    }
  }

  /** Calls are spread over the workers, and so are their events. */
  #mergeEvents(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { workers, clock, log } = this.#parts;
    if (workers(null).length === 0) {
      incoming.resume();
      answerJson(outgoing, 503, { error: "no_worker" });
      return;
    }
    const headers = forwardedHeaders(incoming);
    mergeEvents(incoming, outgoing, { workers: () => workers(null), clock, log, headers });
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse, path: string): void {
    const [port] = this.#parts.workers(callSidIn(path));
    if (port === undefined) {
      incoming.resume();
      answerJson(outgoing, 503, { error: "no_worker" });
      return;
    }
    const forwarded = request({
      host: "127.0.0.1",
      port,
      method: incoming.method,
      path: incoming.url,
      headers: { ...forwardedHeaders(incoming), ...framing(incoming) },
    });
    forwarded.setTimeout(answerMs(path), () => {
      if (!outgoing.headersSent) forwarded.destroy(new Error("no answer"));
    });
    forwarded.on("response", (response) => {
      outgoing.writeHead(response.statusCode ?? 502, responseHeaders(response));
      response.pipe(outgoing);
      response.on("error", () => outgoing.destroy());
    });
    forwarded.on("error", (error) => {
      // The client has gone: strangers must not fill the log with that.
      if (outgoing.destroyed) return;
      this.#logFailure(incoming, error);
      if (outgoing.headersSent) outgoing.destroy();
      else answerJson(outgoing, 503, { error: "no_worker" });
    });
    // A client that leaves a stream of events ends it at the worker, too.
    outgoing.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  }

  /** A WebSocket: the connection is passed on as bytes once the worker has accepted it. */
  #forwardUpgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    const path = pathOf(incoming);
    const [port] = this.#parts.workers(callSidIn(path));
    // Node no longer handles errors of this socket: a client that breaks off would be an uncaught
    // exception.
    socket.on("error", () => socket.destroy());
    if (port === undefined) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const headers = {
      ...forwardedHeaders(incoming),
      connection: "upgrade",
      upgrade: incoming.headers.upgrade ?? "websocket",
    };
    const { method, url } = incoming;
    const forwarded = request({ host: "127.0.0.1", port, method, path: url, headers });
    forwarded.setTimeout(ANSWER_MS, () => forwarded.destroy(new Error("no answer")));
    forwarded.on("upgrade", (response, worker, first) => {
      worker.setTimeout(0);
      socket.write(rawHead(response));
      socket.write(first);
      worker.write(head);
      worker.pipe(socket).pipe(worker);
      worker.on("error", () => socket.destroy());
      socket.on("close", () => worker.destroy());
    });
    forwarded.on("response", (response) => {
      socket.write(rawHead(response));
      response.pipe(socket);
    });
    forwarded.on("error", (error) => {
      if (!socket.destroyed) this.#logFailure(incoming, error);
      socket.destroy();
    });
    socket.on("close", () => forwarded.destroy());
    forwarded.end();
  }

  #logFailure(incoming: IncomingMessage, error: unknown): void {
    const text = "supervisor: worker did not answer an operator";
    const area = pathOf(incoming).split("/")[1]?.slice(0, MAX_LOGGED_CHARS) ?? "";
    const address = incoming.socket.remoteAddress ?? "";
    this.#unanswered.refused(text, address, () => ({ area }), error);
  }
}

/**
 * How the end of the body is marked. Node sends that of a GET or a DELETE as it is, unless it is
 * told: the worker would take it for requests of their own.
 */
function framing({ headers }: IncomingMessage): OutgoingHttpHeaders {
  return headers["transfer-encoding"] === undefined ? {} : { "transfer-encoding": "chunked" };
}

function pathOf(incoming: IncomingMessage): string {
  return incoming.url?.replace(/\?.*$/, "") ?? "";
}

function callSidIn(path: string): CallSid | null {
  const sid = PATH_OF_A_CALL.exec(path)?.[1];
  return sid === undefined ? null : (sid as CallSid);
}

/** The head of a worker's answer, as bytes for the client's socket. */
function rawHead(response: IncomingMessage): string {
  const { statusCode, statusMessage, rawHeaders } = response;
  let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  return `${head}\r\n`;
}

function answerJson(outgoing: ServerResponse, status: number, body: unknown): void {
  answer(outgoing, status, "application/json; charset=utf-8", JSON.stringify(body));
}

function answer(outgoing: ServerResponse, status: number, type: string, body: string): void {
  outgoing.writeHead(status, {
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(body),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
  });
  outgoing.end(outgoing.req.method === "HEAD" ? undefined : body);
}
