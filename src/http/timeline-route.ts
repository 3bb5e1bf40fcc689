/** `GET /api/calls/:callSid/timeline`: everything the inspector draws. See `docs/inspector.md`. */
import { setImmediate } from "node:timers/promises";
import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import { maskNumbers } from "../domain/mask-numbers.js";
import { maySeeNumbers } from "../domain/operator.js";
import { FlightReader, type FlightRecording } from "../recorder/reader.js";
import {
  type Envelope,
  FlightTimeline,
  mergedEnvelope,
  recordEvents,
  type TimelineEvent,
} from "../recorder/timeline.js";
import { callSidOf } from "./call-sid.js";
import {
  BOOLEAN,
  failure,
  listOf,
  NUMBER,
  nullable,
  object,
  objectWith,
  oneOf,
  STRING,
} from "./openapi/route-doc.js";
import type { OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

export interface TimelineRouteParts {
  readonly find: (callSid: CallSid) => Promise<CallRecord | null>;
  /** The lines of the call's flight recording; null: there is none on this machine. */
  readonly flight: (callSid: CallSid) => Promise<AsyncIterable<string> | null>;
}

/** Between two of these the calls of this process go on. */
const LINES_PER_TURN = 50;
/** 40 minutes of a call whose caller and agent talk all the time. */
const MAX_EVENTS = 200_000;

const LANES = oneOf(
  ...["caller", "agent", "uplink", "model", "phone", "tool", "transfer", "operator", "relay"],
);
const EVENT = objectWith(
  { atMs: NUMBER, lane: LANES, name: STRING },
  { durationMs: NUMBER, detail: { type: "object" } },
);

export function timelineRoute(parts: TimelineRouteParts): OperatorRoute {
  return {
    method: "GET",
    path: "/api/calls/:callSid/timeline",
    access: "viewer",
    doc: {
      summary: "Everything that is known of a call, on one clock",
      answers: {
        200: {
          description: "From the record and, where there is one, the flight recording",
          schema: object({
            callSid: STRING,
            startedAt: nullable(STRING),
            flight: BOOLEAN,
            envelope: nullable(
              object({ stepMs: NUMBER, caller: listOf(NUMBER), agent: listOf(NUMBER) }),
            ),
            events: listOf(EVENT),
            leftOut: { type: "integer" },
          }),
        },
        404: failure("There is no such call"),
        503: failure("The database is away"),
      },
    },
    handle: async ({ operator, params }) => {
      const callSid = callSidOf(params["callSid"]);
      try {
        const record = callSid === null ? null : await parts.find(callSid);
        if (callSid === null || record === null) return json(404, { error: "not_found" });
        const reply = json(200, await timelineOf(record, await parts.flight(callSid)));
        if (maySeeNumbers(operator)) return reply;
        return { ...reply, body: maskNumbers(String(reply.body)) };
      } catch (error) {
        if (error instanceof RelayError && error.code === "store_unavailable")
          return json(503, { error: error.code });
        throw error;
      }
    },
  };
}

async function timelineOf(record: CallRecord, lines: AsyncIterable<string> | null) {
  const { callSid, startedAt } = record;
  const recording = lines === null ? null : await readRecording(lines);
  const flight =
    recording === null || startedAt === null
      ? null
      : await flightEvents(recording, Date.parse(startedAt));
  const events = [...recordEvents(record), ...(flight?.events ?? [])];
  events.sort((a, b) => a.atMs - b.atMs);
  return {
    callSid,
    startedAt,
    flight: flight !== null,
    envelope: flight?.envelope ?? null,
    events: events.slice(0, MAX_EVENTS),
    leftOut: Math.max(0, events.length - MAX_EVENTS),
  };
}

/** Null: the file is not a recording that this version reads. */
async function readRecording(lines: AsyncIterable<string>): Promise<FlightRecording | null> {
  const reader = new FlightReader();
  let count = 0;
  try {
    for await (const line of lines) {
      reader.line(line);
      if (++count % LINES_PER_TURN === 0) await setImmediate();
    }
    return reader.end();
  } catch (error) {
    if (error instanceof RelayError && error.code === "config_invalid") return null;
    throw error;
  }
}

async function flightEvents({ parts }: FlightRecording, startedMs: number) {
  const events: TimelineEvent[] = [];
  const envelopes: Envelope[] = [];
  let count = 0;
  for (const part of parts) {
    const timeline = new FlightTimeline(part, startedMs);
    for (const line of part.lines) {
      timeline.line(line);
      if (++count % LINES_PER_TURN === 0) await setImmediate();
    }
    for (const event of timeline.events) events.push(event);
    envelopes.push(timeline.envelope);
  }
  return { events, envelope: mergedEnvelope(envelopes) };
}
