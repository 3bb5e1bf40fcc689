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
/** About 30 KB of JSON, in a fraction of a millisecond. */
const EVENTS_PER_PART = 200;
const STEPS_PER_PART = 5_000;
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
        const timeline = await timelineOf(record, await parts.flight(callSid));
        const type = "application/json; charset=utf-8";
        return { status: 200, type, chunks: bodyOf(timeline, maySeeNumbers(operator)) };
      } catch (error) {
        if (error instanceof RelayError && error.code === "store_unavailable")
          return json(503, { error: error.code });
        throw error;
      }
    },
  };
}

interface Timeline {
  readonly callSid: CallSid;
  readonly startedAt: string | null;
  readonly flight: boolean;
  readonly leftOut: number;
  readonly envelope: Envelope | null;
  readonly events: readonly TimelineEvent[];
}

/** A long call has tens of megabytes of it: written as JSON at once, all calls would stand still. */
async function* bodyOf(
  { envelope, events, ...rest }: Timeline,
  showsNumbers: boolean,
): AsyncGenerator<string> {
  yield `${JSON.stringify(rest).slice(0, -1)},"envelope":`;
  if (envelope === null) yield "null";
  else {
    yield `{"stepMs":${envelope.stepMs},"caller":[`;
    yield* elements(envelope.caller, STEPS_PER_PART);
    yield `],"agent":[`;
    yield* elements(envelope.agent, STEPS_PER_PART);
    yield "]}";
  }
  yield `,"events":[`;
  for await (const part of elements(events, EVENTS_PER_PART))
    yield showsNumbers ? part : maskNumbers(part);
  yield "]}";
}

async function* elements(items: readonly unknown[], perPart: number): AsyncGenerator<string> {
  for (let at = 0; at < items.length; at += perPart) {
    await setImmediate();
    const part = JSON.stringify(items.slice(at, at + perPart)).slice(1, -1);
    yield at === 0 ? part : `,${part}`;
  }
}

async function timelineOf(
  record: CallRecord,
  lines: AsyncIterable<string> | null,
): Promise<Timeline> {
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
