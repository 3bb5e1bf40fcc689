import { type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";

export interface EventMergeParts {
  /** Operator ports of the workers that are up. */
  readonly workers: () => readonly number[];
  readonly clock: Clock;
  readonly log: Log;
  /** Headers of the requests to the workers. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** How often it looks for workers that were started since. */
const LOOK_EVERY_MS = 2_000;
/**
 * A client that is further behind is disconnected, as the workers themselves do it: they see only
 * that this process takes their events.
 */
const MAX_BACKLOG_BYTES = 1024 * 1024;

/**
 * Merges the server-sent events of all workers into one stream: whole events, in the order in which
 * they arrive. The events of a worker end with it, and those of a new one join. When the first
 * worker refuses the request, for example for its token, the client gets that answer.
 */
export function mergeEvents(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  parts: EventMergeParts,
): void {
  const { workers, clock } = parts;
  const client: Client = { outgoing, isRefused: false };
  const followed = new Map<number, EventSource>();
  let timer: Timer;
  const look = (): void => {
    for (const port of workers()) {
      if (followed.has(port)) continue;
      const ended = (): void => void followed.delete(port);
      followed.set(port, new EventSource(port, incoming.url ?? "", client, parts, ended));
    }
    timer = clock.after(LOOK_EVERY_MS, look);
  };
  outgoing.on("close", () => {
    timer.cancel();
    for (const source of followed.values()) source.close();
  });
  incoming.resume();
  look();
}

/** The client gets the first worker's answer: the events, or why there are none. */
interface Client {
  readonly outgoing: ServerResponse;
  /** The refusal of a worker is its answer. */
  isRefused: boolean;
}

/** The events of one worker, written to the client. */
class EventSource {
  readonly #client: Client;
  readonly #request: ReturnType<typeof request>;
  /** The beginning of an event whose end has not arrived. */
  #rest = "";

  constructor(
    port: number,
    path: string,
    client: Client,
    { headers, log }: EventMergeParts,
    ended: () => void,
  ) {
    this.#client = client;
    this.#request = request({ host: "127.0.0.1", port, method: "GET", path, headers });
    this.#request.on("response", (response) => {
      response.on("close", ended);
      response.on("error", ended);
      if (response.statusCode === 200) this.#follow(response);
      else this.#refuse(response);
    });
    this.#request.on("error", (error) => {
      ended();
      // The client or the worker has gone. A worker in its place is found at the next look.
      if (!client.outgoing.destroyed)
        log.info("supervisor: events of a worker ended", { reason: error.message });
    });
    this.#request.end();
  }

  close(): void {
    this.#request.destroy();
  }

  #follow(response: IncomingMessage): void {
    const { outgoing, isRefused } = this.#client;
    if (isRefused) {
      response.destroy();
      return;
    }
    if (!outgoing.headersSent)
      outgoing.writeHead(200, {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-store",
      });
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      const text = this.#rest + chunk;
      const end = text.lastIndexOf("\n\n") + 2;
      const hasEnd = end > 1;
      this.#rest = hasEnd ? text.slice(end) : text;
      if (outgoing.writableEnded || outgoing.destroyed) return;
      if (hasEnd) outgoing.write(text.slice(0, end));
      if (outgoing.writableLength > MAX_BACKLOG_BYTES) outgoing.destroy();
    });
  }

  /** Only the first refusal can be the answer. */
  #refuse(response: IncomingMessage): void {
    const { outgoing, isRefused } = this.#client;
    if (outgoing.headersSent) {
      response.resume();
      // The session was signed out of. Another refusal is being passed on to its end.
      if (response.statusCode === 401 && !isRefused) outgoing.end();
      return;
    }
    this.#client.isRefused = true;
    outgoing.writeHead(response.statusCode ?? 502, {
      "Content-Type": response.headers["content-type"] ?? "",
    });
    response.pipe(outgoing);
    response.on("error", () => outgoing.destroy());
  }
}
