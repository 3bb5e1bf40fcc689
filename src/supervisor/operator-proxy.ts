/**
 * The operator listener of a machine with several workers: metrics and readiness of all of them; everything else goes to a worker's own
 * operator listener, which also judges tokens. Node's HTTP: a proxy wants streams, and nothing here is fast.
 */
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { EXPOSITION_TYPE } from "../adapters/metrics/exposition.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Readiness } from "../relay/calls/call-service.js";
import { mergeEvents } from "./event-merge.js";

export interface OperatorProxyParts {
  readonly readiness: () => Readiness;
  readonly metrics: () => Promise<string>;
  /** Ports of workers on loopback, the best first. */
  readonly workers: (callSid: CallSid | null) => readonly number[];
  readonly clock: Clock;
  readonly log: Log;
}

/** A worker that accepts and then says nothing is stalled, and will be gone soon. Streams may be silent for longer. */
const WORKER_PATIENCE_MS = 10_000;
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "proxy-connection",
]);

export class OperatorProxy {
  readonly #parts: OperatorProxyParts;
  readonly #server: Server;

  constructor(parts: OperatorProxyParts) {
    this.#parts = parts;
    this.#server = createServer((incoming, outgoing) => this.#handle(incoming, outgoing));
  }

  /** @throws RelayError config_invalid when the port cannot be listened on. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error) => {
        const problem = `${host}:${port} cannot be listened on: it is in use, or not allowed`;
        reject(new RelayError("config_invalid", problem, { cause: error }));
      });
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
    const path = incoming.url?.replace(/\?.*$/, "") ?? "";
    if (path === "/api/events" && incoming.method === "GET") {
      this.#merge(incoming, outgoing);
      return;
    }
    if (path !== "/metrics" && path !== "/ready") {
      this.#forward(incoming, outgoing, path);
      return;
    }
    incoming.resume();
    if (incoming.method !== "GET" && incoming.method !== "HEAD") {
      outgoing.setHeader("Allow", "GET");
      answer(outgoing, 405, "text/plain; charset=utf-8", "method not allowed\n");
      return;
    }
    if (path === "/ready") {
      const readiness = this.#parts.readiness();
      answerJson(outgoing, readiness.ready ? 200 : 503, readiness);
      return;
    }
    this.#parts.metrics().then(
      (text) => answer(outgoing, 200, EXPOSITION_TYPE, text),
      (error: unknown) => {
        this.#parts.log.error("metrics could not be put together", {}, error);
        answerJson(outgoing, 500, { error: "internal" });
      },
    );
  }

  /** Calls are spread over the workers, and so are their events. */
  #merge(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { workers, clock, log } = this.#parts;
    if (workers(null).length === 0) {
      incoming.resume();
      answerJson(outgoing, 503, { error: "no_worker" });
      return;
    }
    mergeEvents(incoming, outgoing, {
      workers: () => workers(null),
      clock,
      log,
      headers: kept(incoming),
    });
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
      // Host included: the worker judges it as if it had been asked itself.
      headers: kept(incoming),
    });
    forwarded.setTimeout(WORKER_PATIENCE_MS, () => {
      if (!outgoing.headersSent) forwarded.destroy(new Error("no answer"));
    });
    forwarded.on("response", (response) => {
      outgoing.writeHead(response.statusCode ?? 502, kept(response));
      response.pipe(outgoing);
      response.on("error", () => outgoing.destroy());
    });
    forwarded.on("error", (error) => {
      this.#parts.log.warn(
        "a worker did not answer an operator",
        { path: path.split("/")[1] ?? "" },
        error,
      );
      if (outgoing.headersSent) outgoing.destroy();
      else answerJson(outgoing, 503, { error: "no_worker" });
    });
    // Whoever stops listening to a stream of events ends it at the worker too.
    outgoing.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  }
}

/** Headers that are passed on. */
function kept(message: IncomingMessage): IncomingMessage["headers"] {
  return Object.fromEntries(
    Object.entries(message.headers).filter(([name]) => !HOP_BY_HOP.has(name)),
  );
}

function callSidIn(path: string): CallSid | null {
  const sid = /^\/api\/calls\/(CA[0-9A-Za-z]{1,62}|rtc_[\w-]{1,100})(?:\/|$)/.exec(path)?.[1];
  return sid === undefined ? null : (sid as CallSid);
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
