/**
 * `GET /api/calls/:callSid/recording`: the audio of a call, in parts, as a browser's player asks
 * for it (RFC 9110, section 14).
 */

import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import { callSidOf } from "./call-sid.js";
import { failure } from "./openapi/route-doc.js";
import type { OperatorRequest, OperatorRoute } from "./operator-router.js";
import { json, type Reply } from "./reply.js";

/** A part of a recording. At the end of the file `bytes` may be fewer than were asked for. */
export interface RecordingPart {
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
}

export interface RecordingRouteParts {
  readonly find: (callSid: CallSid) => Promise<CallRecord | null>;
  /** Null: the file is not on this machine. */
  readonly read: (
    file: string,
    fromByte: number,
    maxBytes: number,
  ) => Promise<RecordingPart | null>;
  /** Default 1 MiB: a minute of two channels. A player asks for the next part when it needs it. */
  readonly maxPartBytes?: number;
  /** Default 8 MiB. */
  readonly maxWholeBytes?: number;
}

const MAX_PART_BYTES = 1024 * 1024;
/**
 * A whole recording, for clients that do not ask for a part: eight minutes of two channels. It is
 * copied in one turn of the event loop, and the calls of this process wait for that.
 */
const MAX_WHOLE_BYTES = 8 * 1024 * 1024;

export function recordingRoute(parts: RecordingRouteParts): OperatorRoute {
  return {
    method: "GET",
    path: "/api/calls/:callSid/recording",
    access: "supervisor",
    doc: {
      summary: "The audio of a call; long ones in parts, by Range",
      answers: {
        200: { description: "The whole recording", type: "audio/wav" },
        206: { description: "A part of the recording", type: "audio/wav" },
        404: failure("There is no recording on this machine"),
        413: failure("The recording is too large for one answer: ask for a part"),
        416: failure("The part begins after the end"),
        503: failure("No worker answers, or the database is away"),
      },
    },
    handle: async (request) => {
      try {
        return await answer(parts, request);
      } catch (error) {
        if (!(error instanceof RelayError) || error.code !== "store_unavailable") throw error;
        return json(503, { error: error.code });
      }
    },
  };
}

async function answer(
  {
    find,
    read,
    maxPartBytes = MAX_PART_BYTES,
    maxWholeBytes = MAX_WHOLE_BYTES,
  }: RecordingRouteParts,
  { params, head }: OperatorRequest,
): Promise<Reply> {
  const callSid = callSidOf(params["callSid"]);
  const file = callSid === null ? null : ((await find(callSid))?.recording?.file ?? null);
  if (file === null)
    return json(404, { error: "not_found", message: "there is no recording of that call" });
  const range = /^bytes=(\d{1,12})-(\d{1,12})?$/.exec(head.header("range"));
  const from = Number(range?.[1] ?? 0);
  const wanted = range?.[2] === undefined ? Number.POSITIVE_INFINITY : Number(range[2]) - from + 1;
  const most = range === null ? maxWholeBytes : Math.min(maxPartBytes, Math.max(0, wanted));
  const part = await read(file, from, most);
  if (part === null)
    return json(404, {
      error: "not_found",
      message: "the recording's file is not on this machine",
    });
  const { bytes, sizeBytes } = part;
  if (range === null && bytes.length < sizeBytes)
    return json(413, {
      error: "too_large",
      message: "the recording is too large for one answer: ask for a part with Range",
    });
  if (range !== null && bytes.length === 0)
    return {
      ...json(416, { error: "range" }),
      headers: { "Content-Range": `bytes */${sizeBytes}` },
    };
  return {
    status: range === null ? 200 : 206,
    type: "audio/wav",
    body: bytes,
    headers: {
      "Accept-Ranges": "bytes",
      ...(range === null
        ? {}
        : { "Content-Range": `bytes ${from}-${from + bytes.length - 1}/${sizeBytes}` }),
    },
  };
}
