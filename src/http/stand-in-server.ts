import { request as httpRequest, type IncomingMessage } from "node:http";
import { isIPv4 } from "node:net";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import { type AcceptGuardParts, guardAccept } from "./accept-guard.js";
import { BodyBudget } from "./body-budget.js";
import { Exchange } from "./exchange.js";
import { UwsServer } from "./listener.js";
import { json, type Reply } from "./reply.js";
import { loadUws } from "./uws.js";

export interface StandInParts {
  /** The own public ports of the workers that are up. */
  readonly ports: () => readonly number[];
  /** The address of those ports. */
  readonly workerHost: string;
  /** HOST: the address of the public port. */
  readonly host: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: connections are accepted until the process has no descriptor left. */
  readonly descriptors?: Pick<AcceptGuardParts, "limit" | "lowestFree">;
}

/** A worker is replaced within this. Twilio waits 15 s for the answer to a webhook. */
const WAIT_MS = 12_000;
const RETRY_MS = 50;
/** Between two log lines about a worker that does not answer. */
const LOG_EVERY_MS = 1_000;
const MAX_WAITING = 2_000;
const MAX_BODY_BYTES = 64 * 1024;
const MAX_REPLY_BYTES = 256 * 1024;
/** Headers that the relay reads, or that a proxy in front may have added. */
const FORWARDED = [
  "content-type",
  "host",
  "user-agent",
  "x-twilio-signature",
  "i-twilio-idempotency-token",
  "webhook-id",
  "webhook-timestamp",
  "webhook-signature",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
] as const;

interface Waiting {
  readonly exchange: Exchange;
  readonly body: Buffer;
  readonly untilMs: number;
}

/**
 * Listens on the public port beside the workers, and gets connections only while no worker listens:
 * after the only worker has died. It keeps Twilio's requests until a worker is there again and
 * forwards them, so that callers reach their fallback destination.
 *
 * The workers listen on an IPv4 address. The stand-in listens on the same address as an IPv6 socket
 * (`::ffff:a.b.c.d`). Linux prefers a listening IPv4 socket for an IPv4 connection
 * (`compute_score` in net/ipv4/inet_hashtables.c), so the two never share connections.
 */
export class StandInServer {
  readonly #parts: StandInParts;
  readonly #server: UwsServer;
  readonly #budget = new BodyBudget();
  #waiting: Waiting[] = [];
  #timer: Timer | null = null;
  /** The worker took no connection at the last try: one request finds out whether it does again. */
  #isRefused = false;
  #logAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: StandInParts) {
    this.#parts = parts;
    const { clock, descriptors, log } = parts;
    const app = loadUws().uws.App();
    const server = new UwsServer(app);
    this.#server = server;
    // A worker that has few left accepts none, and those that it leaves come here.
    if (descriptors !== undefined)
      server.onClose(guardAccept({ server, ...descriptors, clock, log }));
    app.any("/*", (response, request) => {
      // The next request on this connection has to reach a worker.
      this.#receive(new Exchange(response, request, { last: () => true }));
    });
  }

  /** @returns false when this system or HOST does not allow it. */
  async listen(port: number): Promise<boolean> {
    const { host, log } = this.#parts;
    if (process.platform !== "linux" || !isIPv4(host)) return false;
    try {
      await this.#server.listen(`::ffff:${host}`, port, true);
      return true;
    } catch (error) {
      log.info("supervisor: no stand-in for a lost worker", { host, port, reason: String(error) });
      return false;
    }
  }

  close(): void {
    this.#timer?.cancel();
    for (const { exchange } of this.#waiting.splice(0)) exchange.answer(noWorker());
    this.#server.close();
  }

  #receive(exchange: Exchange): void {
    const { clock } = this.#parts;
    // A stream cannot wait: Twilio ends it and asks what follows.
    const isUpgrade = exchange.head.header("upgrade") !== "";
    if (isUpgrade || exchange.head.path === "/health" || this.#waiting.length >= MAX_WAITING) {
      exchange.answer(noWorker());
      return;
    }
    const untilMs = clock.nowMs() + WAIT_MS;
    exchange.readBody({ maxBytes: MAX_BODY_BYTES, budget: this.#budget }, (body) => {
      this.#waiting.push({ exchange, body: Buffer.from(body), untilMs });
      this.#forwardWaiting();
    });
  }

  #forwardWaiting(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const nowMs = this.#parts.clock.nowMs();
    const [port] = this.#parts.ports();
    const waiting = this.#waiting.filter(({ exchange }) => exchange.open);
    this.#waiting = [];
    let most = this.#isRefused ? 1 : MAX_WAITING;
    for (const one of waiting) {
      if (nowMs >= one.untilMs) one.exchange.answer(noWorker());
      else if (port === undefined || most-- <= 0) this.#waiting.push(one);
      else void this.#forward(one, port);
    }
    if (this.#waiting.length > 0) this.#retryLater();
  }

  #retryLater(): void {
    this.#timer ??= this.#parts.clock.after(RETRY_MS, () => this.#forwardWaiting());
  }

  /** Webhooks are idempotent: a request that a worker did not answer is sent again. */
  async #forward(one: Waiting, port: number): Promise<void> {
    try {
      one.exchange.answer(await this.#send(one, port));
      this.#isRefused = false;
    } catch (error) {
      // No worker could be sent such a path or header.
      if (error instanceof TypeError) {
        one.exchange.answer(json(400, { error: "invalid" }));
        return;
      }
      this.#isRefused = errnoOf(error) === "ECONNREFUSED";
      this.#logFailure(port, String(error));
      this.#waiting.push(one);
      this.#retryLater();
    }
  }

  #logFailure(port: number, reason: string): void {
    const nowMs = this.#parts.clock.nowMs();
    if (nowMs < this.#logAtMs) return;
    this.#logAtMs = nowMs + LOG_EVERY_MS;
    this.#parts.log.info("supervisor: worker did not answer a kept request", { port, reason });
  }

  #send({ exchange, body }: Waiting, port: number): Promise<Reply> {
    const { method, path, query, header } = exchange.head;
    const headers: Record<string, string | number> = { "content-length": body.length };
    for (const name of FORWARDED) if (header(name) !== "") headers[name] = header(name);
    const { workerHost } = this.#parts;
    return new Promise((resolve, reject) => {
      const forwarded = httpRequest({
        host: workerHost,
        port,
        method,
        path: query === "" ? path : `${path}?${query}`,
        headers,
        timeout: WAIT_MS,
      });
      forwarded.on("response", (response) => readReply(response).then(resolve, reject));
      forwarded.on("timeout", () => forwarded.destroy(new Error("no answer")));
      forwarded.on("error", reject);
      forwarded.end(body);
    });
  }
}

function errnoOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : null;
}

async function readReply(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > MAX_REPLY_BYTES) throw new Error("the answer of a worker is too long");
    chunks.push(chunk);
  }
  const type = response.headers["content-type"];
  const status = response.statusCode ?? 502;
  return { status, ...(type === undefined ? {} : { type }), body: Buffer.concat(chunks) };
}

function noWorker(): Reply {
  return json(503, { error: "no_worker" });
}
