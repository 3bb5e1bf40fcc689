import { type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";

export interface EventMergeParts {
  /** Ports of the workers that there are now. */
  readonly workers: () => readonly number[];
  readonly clock: Clock;
  readonly log: Log;
  /** Of the request, as they are passed on. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** How often it looks for workers that were not there before. */
const LOOK_EVERY_MS = 2_000;

/**
 * One stream of server-sent events out of those of all workers: whole events, in the order in which they come. A worker that ends takes
 * its part along, one that begins is joined. What the first worker refuses, a token for one, is the answer.
 */
export function mergeEvents(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  parts: EventMergeParts,
): void {
  const { workers, clock, log, headers } = parts;
  const followed = new Map<number, ReturnType<typeof request>>();
  let look: Timer;

  const refuse = (response: IncomingMessage): void => {
    if (outgoing.headersSent) {
      response.resume();
      return;
    }
    outgoing.writeHead(response.statusCode ?? 502, {
      "Content-Type": response.headers["content-type"] ?? "",
    });
    response.pipe(outgoing);
  };
  const follow = (port: number): void => {
    const asked = request({ host: "127.0.0.1", port, method: "GET", path: incoming.url, headers });
    followed.set(port, asked);
    const over = (): void => void followed.delete(port);
    asked.on("response", (response) => {
      response.on("close", over);
      if (response.statusCode !== 200) {
        refuse(response);
        return;
      }
      if (!outgoing.headersSent)
        outgoing.writeHead(200, {
          "Content-Type": "text/event-stream",
          "Cache-Control": "no-store",
        });
      let rest = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        const text = rest + chunk;
        const end = text.lastIndexOf("\n\n") + 2;
        rest = end === 1 ? text : text.slice(end);
        if (end > 1) outgoing.write(text.slice(0, end));
      });
      response.on("error", over);
    });
    asked.on("error", (error) => {
      over();
      // Whoever listens has gone, or the worker has: the next look finds another.
      if (!outgoing.destroyed) log.info("a worker's events ended", { reason: error.message });
    });
    asked.end();
  };
  const lookForMore = (): void => {
    for (const port of workers()) if (!followed.has(port)) follow(port);
    look = clock.after(LOOK_EVERY_MS, lookForMore);
  };
  outgoing.on("close", () => {
    look.cancel();
    for (const asked of followed.values()) asked.destroy();
  });
  incoming.resume();
  lookForMore();
}
