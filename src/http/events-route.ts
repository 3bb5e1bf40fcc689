/** `GET /api/events`: what happens in live calls, as server-sent events. See `docs/events.md`. */
import type { CallSid } from "../domain/ids.js";
import { maskNumbers } from "../domain/mask-numbers.js";
import { maySeeNumbers } from "../domain/operator.js";
import type { RecordEvent } from "../domain/record-event.js";
import type { Clock } from "../ports/clock.js";
import type { LiveEvents } from "../records/live-events.js";
import { callSidOf } from "./call-sid.js";
import type { Exchange } from "./exchange.js";
import { failure } from "./openapi/route-doc.js";
import type { OperatorRequest, OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

export interface EventsRouteParts {
  readonly events: Pick<LiveEvents, "listen">;
  readonly clock: Clock;
}

/** Between two comments: proxies close a connection that is silent for a minute. */
const KEEP_ALIVE_MS = 15_000;
/** From signing out, or from a reload that takes a right away, until the stream is closed. */
const SESSION_LOOK_MS = 2_000;
/** A reader that is further behind is disconnected. Call records tell it what it has missed. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

export function eventsRoute(parts: EventsRouteParts): OperatorRoute {
  return {
    method: "GET",
    path: "/api/events",
    access: "viewer",
    doc: {
      summary: "What happens in live calls, as server-sent events",
      query: { callSid: { description: "Only this call" } },
      answers: {
        200: { description: "A stream of record events", type: "text/event-stream" },
        400: failure("callSid is not the id of a call"),
      },
    },
    handle: () => json(500, { error: "internal" }),
    stream: (exchange, request) => follow(parts, exchange, request),
  };
}

function follow(
  { events, clock }: EventsRouteParts,
  exchange: Exchange,
  { hasEnded, operator, query }: OperatorRequest,
): void {
  if (exchange.head.method === "HEAD") {
    exchange.answer({ status: 200, type: "text/event-stream" });
    return;
  }
  const wanted = query.get("callSid");
  const only = wanted === null ? null : callSidOf(wanted);
  if (wanted !== null && only === null) {
    exchange.answer(json(400, { error: "invalid", message: "callSid must be the id of a call" }));
    return;
  }
  let keepAlive = clock.after(KEEP_ALIVE_MS, sendKeepAlive);
  let look = clock.after(SESSION_LOOK_MS, lookAtSession);
  let unsubscribe = (): void => undefined;
  const stream = exchange.stream("text/event-stream", MAX_BACKLOG_BYTES, () => {
    keepAlive.cancel();
    look.cancel();
    unsubscribe();
  });
  function sendKeepAlive(): void {
    stream.write(":\n\n");
    keepAlive = clock.after(KEEP_ALIVE_MS, sendKeepAlive);
  }
  function lookAtSession(): void {
    void hasEnded().then((ended) => {
      if (!exchange.open) return;
      if (ended) stream.close();
      else look = clock.after(SESSION_LOOK_MS, lookAtSession);
    });
  }
  // The head leaves with the first bytes, so that the reader knows that the stream has begun.
  stream.write(":\n\n");
  const showsNumbers = maySeeNumbers(operator);
  unsubscribe = events.listen((callSid, event) => {
    if (only !== null && only !== callSid) return;
    const text = message(callSid, event, clock.epochMs());
    stream.write(showsNumbers ? text : maskNumbers(text));
  });
  // The reader was gone before the stream began.
  if (!exchange.open) unsubscribe();
}

function message(callSid: CallSid, event: RecordEvent, epochMs: number): string {
  return `data: ${JSON.stringify({ callSid, at: new Date(epochMs).toISOString(), ...event })}\n\n`;
}
