/** `GET /api/calls/:callSid/flight`: a call's flight recording, or what it has of some time. */
import { setImmediate } from "node:timers/promises";
import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import { callSidOf } from "./call-sid.js";
import { failure, NUMBER } from "./openapi/route-doc.js";
import type { OperatorRequest, OperatorRoute } from "./operator-router.js";
import { json, type Reply } from "./reply.js";

export interface FlightRouteParts {
  readonly find: (callSid: CallSid) => Promise<CallRecord | null>;
  /** The lines of the call's flight recording; null: there is none on this machine. */
  readonly flight: (callSid: CallSid) => Promise<AsyncIterable<string> | null>;
}

const PART_CHARS = 64 * 1024;
/** Lines that are handled in one turn of the event loop; between two turns calls go on. */
const LINES_PER_TURN = 500;

export function flightRoute({ find, flight }: FlightRouteParts): OperatorRoute {
  return {
    method: "GET",
    path: "/api/calls/:callSid/flight",
    access: "supervisor",
    audit: "flight_recording",
    doc: {
      summary: "The flight recording of a call; with fromMs and toMs its lines of that time",
      query: {
        fromMs: { description: "Lines from this time on: ms since the start", schema: NUMBER },
        toMs: { description: "Lines until this time: ms since the start", schema: NUMBER },
      },
      answers: {
        200: { description: "One JSON value a line: docs/replay.md", type: "application/jsonl" },
        400: failure("fromMs or toMs is not a number"),
        404: failure("There is no flight recording of that call on this machine"),
        503: failure("No worker answers, or the database is away"),
      },
    },
    handle: async (request) => {
      try {
        return await answer({ find, flight }, request);
      } catch (error) {
        if (!(error instanceof RelayError) || error.code !== "store_unavailable") throw error;
        return json(503, { error: error.code });
      }
    },
  };
}

async function answer(
  { find, flight }: FlightRouteParts,
  { params, query }: OperatorRequest,
): Promise<Reply> {
  const callSid = callSidOf(params["callSid"]);
  const record = callSid === null ? null : await find(callSid);
  const lines = record === null ? null : await flight(record.callSid);
  if (record === null || lines === null)
    return json(404, {
      error: "not_found",
      message: "there is no flight recording of that call on this machine",
    });
  const fromMs = Number(query.get("fromMs") ?? Number.NEGATIVE_INFINITY);
  const toMs = Number(query.get("toMs") ?? Number.POSITIVE_INFINITY);
  if (Number.isNaN(fromMs) || Number.isNaN(toMs))
    return json(400, { error: "invalid", message: "fromMs and toMs must be numbers, in ms" });
  const all = !query.has("fromMs") && !query.has("toMs");
  const startedMs = Date.parse(record.startedAt ?? "");
  return {
    status: 200,
    type: "application/jsonl",
    chunks: joined(all ? lines : within(lines, startedMs, fromMs, toMs)),
  };
}

/** The lines between two times, without the lines that describe the call. */
async function* within(
  lines: AsyncIterable<string>,
  startedMs: number,
  fromMs: number,
  toMs: number,
): AsyncGenerator<string> {
  const offsets = new Map<string, number>();
  let writer = "";
  let count = 0;
  for await (const line of lines) {
    if (++count % LINES_PER_TURN === 0) await setImmediate();
    if (line.includes('"is":"writer"')) writer = line;
    const epochMs = /^\{"at":[\d.]+,"is":"call".*?"epochMs":(\d+)/.exec(line)?.[1];
    if (epochMs !== undefined) offsets.set(writer, Number(epochMs) - startedMs);
    const at = /^\{"at":([\d.]+),"(?:in|out)":/.exec(line)?.[1];
    const atMs = Number(at) + (offsets.get(writer) ?? Number.NaN);
    if (atMs >= fromMs && atMs <= toMs) yield line;
  }
}

async function* joined(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let part = "";
  for await (const line of lines) {
    part += `${line}\n`;
    if (part.length < PART_CHARS) continue;
    yield part;
    part = "";
  }
  if (part !== "") yield part;
}
