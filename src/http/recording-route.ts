/**
 * The sound of a call, in parts, as a browser's player asks for it: Twilio's recording, or what the
 * flight recording has of it.
 */
import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import { type ByteReader, rangedReply } from "./byte-range.js";
import { callSidOf } from "./call-sid.js";
import { failure, type RouteDoc } from "./openapi/route-doc.js";
import type { OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

export interface RecordingRouteParts {
  readonly find: (callSid: CallSid) => Promise<CallRecord | null>;
  /** Twilio's recording. Null: the file is not on this machine. */
  readonly read: (file: string, ...range: Parameters<ByteReader>) => ReturnType<ByteReader>;
  /** Rebuilt from the flight recording. Null: there is none on this machine. */
  readonly rebuilt: (
    callSid: CallSid,
    startedMs: number,
    ...range: Parameters<ByteReader>
  ) => ReturnType<ByteReader>;
  /** Default 1 MiB: a minute of two channels. A player asks for the next part when it needs it. */
  readonly maxPartBytes?: number;
}

const MAX_PART_BYTES = 1024 * 1024;

/** Until another sound that is being rebuilt is likely to be complete. */
const RETRY_AFTER_S = "5";

const ANSWERS: RouteDoc["answers"] = {
  200: { description: "All of it", type: "audio/wav" },
  206: { description: "A part of it", type: "audio/wav" },
  404: failure("There is no such sound on this machine"),
  416: failure("The part begins after the end"),
  503: failure("No worker answers, the database is away, or too many sounds are being rebuilt"),
};

export function recordingRoutes(parts: RecordingRouteParts): readonly OperatorRoute[] {
  return [
    soundRoute(parts, "recording", "Twilio's recording of a call", recorded),
    soundRoute(
      parts,
      "audio",
      "The sound of a call on the clock of its timeline, from its flight recording",
      rebuilt,
    ),
  ];
}

type FindSound = (parts: RecordingRouteParts, record: CallRecord) => ByteReader | null;

const recorded: FindSound = ({ read }, { recording }) => {
  const file = recording?.file ?? null;
  return file === null ? null : (fromByte, maxBytes) => read(file, fromByte, maxBytes);
};

/** Null for a live call: its flight recording grows, so each part would be of another file. */
const rebuilt: FindSound = (parts, { callSid, startedAt, state }) =>
  startedAt === null || state === "live"
    ? null
    : (fromByte, maxBytes) => parts.rebuilt(callSid, Date.parse(startedAt), fromByte, maxBytes);

function soundRoute(
  parts: RecordingRouteParts,
  name: string,
  summary: string,
  sound: FindSound,
): OperatorRoute {
  return {
    method: "GET",
    path: `/api/calls/:callSid/${name}`,
    access: "supervisor",
    doc: { summary: `${summary}; parts by Range`, answers: ANSWERS },
    handle: async ({ params, head }) => {
      try {
        const callSid = callSidOf(params["callSid"]);
        const record = callSid === null ? null : await parts.find(callSid);
        const read = record === null ? null : sound(parts, record);
        if (read === null) return missing(`there is no ${name} of that call`);
        const { maxPartBytes = MAX_PART_BYTES } = parts;
        const reply = await rangedReply(head.header("range"), "audio/wav", read, maxPartBytes);
        return reply ?? missing(`the ${name} is not on this machine`);
      } catch (error) {
        if (!(error instanceof RelayError)) throw error;
        const { code, message, retryable } = error;
        if (code === "store_unavailable") return json(503, { error: code });
        if (code !== "limit_exceeded" || !retryable) throw error;
        return {
          ...json(503, { error: code, message }),
          headers: { "Retry-After": RETRY_AFTER_S },
        };
      }
    },
  };
}

const missing = (message: string) => json(404, { error: "not_found", message });
