/** `GET /api/calls/:callSid/timeline`: everything the inspector draws. See `docs/inspector.md`. */
import { setImmediate } from "node:timers/promises";
import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import { maskNumbers } from "../domain/mask-numbers.js";
import { maySeeNumbers } from "../domain/operator.js";
import { type Envelope, recordEvents, recordingStartMs } from "../recorder/timeline.js";
import { TimelineStream } from "../recorder/timeline-stream.js";
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
  /** How loud Twilio's recording is over the call's time; null: its file is not on this machine. */
  readonly recorded: (file: string, startMs: number) => Promise<Envelope | null>;
}

/** Lines that are handled in one turn of the event loop; between two turns calls go on. */
const LINES_PER_TURN = 50;
/** About 30 KB of JSON, in a fraction of a millisecond. */
const EVENTS_PER_PART = 200;
const STEPS_PER_PART = 5_000;
/** Two hours of a call whose caller and agent talk all the time. */
const MAX_EVENTS = 500_000;

const LANES = oneOf(
  ...["caller", "agent", "uplink", "model", "phone", "tool", "transfer", "operator", "relay"],
);
const EVENT = objectWith(
  { atMs: NUMBER, lane: LANES, name: STRING },
  { durationMs: NUMBER, detail: { type: "object" } },
);
const AUDIO = object({ source: oneOf("audio", "recording"), startMs: NUMBER });

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
            audio: nullable(AUDIO),
            events: listOf(EVENT),
            leftOut: { type: "integer" },
            incomplete: nullable(STRING),
            envelope: nullable(
              object({ stepMs: NUMBER, caller: listOf(NUMBER), agent: listOf(NUMBER) }),
            ),
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
        const type = "application/json; charset=utf-8";
        const chunks = bodyOf(parts, record, await parts.flight(callSid));
        return { status: 200, type, chunks: maySeeNumbers(operator) ? chunks : masked(chunks) };
      } catch (error) {
        if (error instanceof RelayError && error.code === "store_unavailable")
          return json(503, { error: error.code });
        throw error;
      }
    },
  };
}

/** Masks each part by itself, because no number is divided between two parts. */
async function* masked(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const chunk of chunks) yield maskNumbers(chunk);
}

/**
 * A long call has hundreds of megabytes of flight recording and tens of megabytes of events. Both
 * pass through here piece by piece, and no faster than the reader takes them.
 */
async function* bodyOf(
  parts: TimelineRouteParts,
  record: CallRecord,
  lines: AsyncIterable<string> | null,
): AsyncGenerator<string> {
  const { callSid, startedAt, recording, state } = record;
  const stream = new TimelineStream(recordEvents(record), startedAt);
  let flight: AsyncIterator<string> | null = null;
  try {
    if (lines !== null && startedAt !== null) {
      flight = lines[Symbol.asyncIterator]();
      await readSome(stream, flight);
    }
    const file = recording?.file ?? null;
    const startMs = recordingStartMs(record);
    const source = stream.isFlight ? "audio" : file === null ? null : "recording";
    const audio =
      source === null || state === "live"
        ? null
        : { source, startMs: source === "audio" ? 0 : startMs };
    const head = { callSid, startedAt, flight: stream.isFlight, audio };
    yield `${JSON.stringify(head).slice(0, -1)},"events":[`;
    yield* eventsOf(stream, flight);
    const { leftOut, incomplete } = stream;
    yield `],"leftOut":${leftOut},"incomplete":${JSON.stringify(incomplete)},"envelope":`;
    const recorded = async () => (file === null ? null : await parts.recorded(file, startMs));
    yield* envelopeText(stream.isFlight ? stream.envelope : await recorded());
    yield "}";
  } finally {
    await flight?.return?.();
  }
}

/** @returns false at the end of the recording, or of what can be read of it. */
async function readSome(stream: TimelineStream, flight: AsyncIterator<string>): Promise<boolean> {
  for (let count = 0; count < LINES_PER_TURN; count++) {
    const next = await flight.next();
    if (next.done === true || !stream.line(next.value)) return false;
  }
  await setImmediate();
  return true;
}

async function* eventsOf(
  stream: TimelineStream,
  flight: AsyncIterator<string> | null,
): AsyncGenerator<string> {
  let [more, count] = [flight !== null, 0];
  while (true) {
    if (flight !== null && more) more = await readSome(stream, flight);
    const events = stream.take(!more, MAX_EVENTS - count);
    for (let at = 0; at < events.length; at += EVENTS_PER_PART) {
      const part = JSON.stringify(events.slice(at, at + EVENTS_PER_PART)).slice(1, -1);
      yield count + at === 0 ? part : `,${part}`;
      await setImmediate();
    }
    count += events.length;
    if (!more) return;
  }
}

async function* envelopeText(envelope: Envelope | null): AsyncGenerator<string> {
  if (envelope === null) {
    yield "null";
    return;
  }
  yield `{"stepMs":${envelope.stepMs},"caller":[`;
  yield* numbers(envelope.caller);
  yield `],"agent":[`;
  yield* numbers(envelope.agent);
  yield "]}";
}

async function* numbers(items: readonly number[]): AsyncGenerator<string> {
  for (let at = 0; at < items.length; at += STEPS_PER_PART) {
    await setImmediate();
    const part = items.slice(at, at + STEPS_PER_PART).join();
    yield at === 0 ? part : `,${part}`;
  }
}
