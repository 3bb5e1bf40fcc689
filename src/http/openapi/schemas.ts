/** The schemas that several answers of the operator API share. */
import { REVIEW_FLAGS } from "../../domain/call-review.js";
import {
  BOOLEAN,
  listOf,
  mapOf,
  NUMBER,
  nullable,
  object,
  objectWith,
  oneOf,
  reference,
  type Schema,
  STRING,
} from "./route-doc.js";

const TIME: Schema = { type: "string", format: "date-time" };
const COUNT: Schema = { type: "integer", minimum: 0 };
const TOKENS = {
  inputText: COUNT,
  inputAudio: COUNT,
  inputImage: COUNT,
  cachedText: COUNT,
  cachedAudio: COUNT,
  cachedImage: COUNT,
  outputText: COUNT,
  outputAudio: COUNT,
};

const TURN = objectWith(
  {
    who: oneOf("caller", "agent"),
    itemId: STRING,
    text: nullable(STRING),
    heardText: nullable(STRING),
    startedMs: nullable(NUMBER),
    endedMs: nullable(NUMBER),
    heardMs: nullable(NUMBER),
    receivedMs: nullable(NUMBER),
    interruptedAtMs: nullable(NUMBER),
    voiceToVoiceMs: nullable(NUMBER),
    complete: BOOLEAN,
  },
  { progress: listOf(listOf(NUMBER)) },
);

const TOOL = object({
  name: STRING,
  atMs: NUMBER,
  arguments: STRING,
  output: STRING,
  ms: NUMBER,
  outcome: oneOf("ok", "error", "timeout", "invalid", "denied", "cancelled"),
});

const TRANSFER = object({
  destination: STRING,
  kind: oneOf("dial", "enqueue", "workflow", "warm", "refer"),
  reason: nullable(STRING),
  summary: nullable(STRING),
  urgency: nullable(oneOf("low", "medium", "high")),
  by: oneOf("agent", "key", "supervisor", "failure", "limit"),
  requestedMs: NUMBER,
  outcome: nullable(
    oneOf("answered", "busy", "no_answer", "failed", "declined", "caller_gone", "denied"),
  ),
  steps: listOf(object({ atMs: NUMBER, step: STRING, detail: nullable(STRING) })),
});

const RECORDING = object({
  sid: STRING,
  file: nullable(STRING),
  transcript: nullable(STRING),
  words: nullable(
    listOf(
      object({
        who: oneOf("caller", "agent", "unknown"),
        word: STRING,
        startMs: NUMBER,
        endMs: NUMBER,
      }),
    ),
  ),
});

const CALL_RECORD = object({
  callSid: STRING,
  streamSid: nullable(STRING),
  state: oneOf("live", "ended"),
  node: nullable(STRING),
  agent: nullable(STRING),
  direction: oneOf("inbound", "outbound"),
  from: nullable(STRING),
  to: nullable(STRING),
  path: oneOf("media-stream", "sip"),
  startedAt: nullable(TIME),
  answeredAt: nullable(TIME),
  endedAt: nullable(TIME),
  outcome: nullable(oneOf("completed", "transferred", "abandoned", "failed", "rejected")),
  endReason: nullable(STRING),
  transfer: nullable(reference("Transfer")),
  earlierTransfers: listOf(reference("Transfer")),
  turns: listOf(TURN),
  tools: listOf(TOOL),
  usage: object({
    models: mapOf(object({ ...TOKENS, responses: COUNT })),
    transcription: mapOf(object({ tokens: COUNT, seconds: NUMBER })),
  }),
  costUsd: nullable(NUMBER),
  unpriced: listOf(STRING),
  recording: nullable(RECORDING),
  events: listOf(
    object({
      atMs: NUMBER,
      name: STRING,
      fields: mapOf({ type: ["string", "number", "boolean", "null"] }),
    }),
  ),
});

const REVIEW = object({
  rating: nullable({ type: "integer", minimum: 1, maximum: 5 }),
  ratedBy: nullable(STRING),
  tags: listOf(STRING),
  notes: listOf(object({ at: TIME, operator: STRING, text: STRING })),
  flags: listOf(oneOf(...REVIEW_FLAGS)),
  reviewedAt: nullable(TIME),
  reviewedBy: nullable(STRING),
});

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  CallRecord: CALL_RECORD,
  Review: REVIEW,
  Transfer: TRANSFER,
  Failure: objectWith({ error: STRING }, { message: STRING }),
};
