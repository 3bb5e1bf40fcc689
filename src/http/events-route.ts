/**
 * `GET /api/events`: what happens in live calls, as server-sent events. `docs/events.md` has the reference.
 */
import type { CallSid } from "../domain/ids.js";
import type { RecordEvent } from "../domain/record-event.js";
import type { Clock } from "../ports/clock.js";
import type { LiveEvents } from "../records/live-events.js";
import { callSidOf } from "./call-routes.js";
import type { Exchange } from "./exchange.js";
import type { OperatorRequest, OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

export interface EventsRouteParts {
  readonly events: Pick<LiveEvents, "listen">;
  readonly clock: Clock;
}

/** Proxies between take a connection for dead on which nothing comes for a minute. */
const BEAT_MS = 15_000;
/** A reader who is further behind is let go: it asks again, and has missed something, which it can read in the record. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

export function eventsRoute(parts: EventsRouteParts): OperatorRoute {
  return {
    method: "GET",
    path: "/api/events",
    access: "guarded",
    handle: () => json(500, { error: "internal" }),
    stream: (exchange, request) => follow(parts, exchange, request),
  };
}

function follow(
  { events, clock }: EventsRouteParts,
  exchange: Exchange,
  { query }: OperatorRequest,
): void {
  if (exchange.head.method === "HEAD") {
    exchange.answer({ status: 200, type: "text/event-stream" });
    return;
  }
  const wanted = query.get("callSid");
  const only = wanted === null ? null : callSidOf(wanted);
  if (wanted !== null && only === null) {
    exchange.answer(json(400, { error: "invalid", message: "callSid is the id of a call" }));
    return;
  }
  let beat = clock.after(BEAT_MS, pulse);
  let leave = (): void => undefined;
  const stream = exchange.stream("text/event-stream", MAX_BACKLOG_BYTES, () => {
    beat.cancel();
    leave();
  });
  function pulse(): void {
    stream.write(":\n\n");
    beat = clock.after(BEAT_MS, pulse);
  }
  // Says at once that it has begun.
  stream.write(":\n\n");
  leave = events.listen((callSid, event) => {
    if (only === null || only === callSid) stream.write(message(callSid, event, clock.epochMs()));
  });
  // It was gone before it began.
  if (!exchange.open) leave();
}

function message(callSid: CallSid, event: RecordEvent, epochMs: number): string {
  return `data: ${JSON.stringify({ callSid, at: new Date(epochMs).toISOString(), ...event })}\n\n`;
}
