import { ascii, sameBytes } from "./json-scan.js";

/**
 * Server events that tell a relay nothing it does not learn from another one: each answer brings about eight of them.
 * What is cheaper than reading them is not to.
 */
const IDLE_TYPES: readonly Uint8Array[] = [
  "conversation.item.added",
  "conversation.item.done",
  "conversation.item.deleted",
  "conversation.item.truncated",
  "conversation.item.input_audio_transcription.delta",
  "response.output_item.added",
  "response.output_item.done",
  "response.content_part.added",
  "response.content_part.done",
  "response.function_call_arguments.delta",
  "response.function_call_arguments.done",
].map(ascii);

const TYPE_FIRST = ascii('{"type":"');
const ID_FIRST = ascii('{"event_id":"');
const TYPE_NEXT = ascii('","type":"');
/** An event id is shorter. */
const MAX_ID_BYTES = 128;

/**
 * True for an event that `IDLE_TYPES` names and that is written as the server writes its events: `type` first, or right
 * behind `event_id`. False says nothing: the event has to be read.
 */
export function isIdleEvent(bytes: Uint8Array): boolean {
  const start = typeStart(bytes);
  if (start < 0) return false;
  const end = bytes.indexOf(0x22, start);
  if (end < 0) return false;
  for (const type of IDLE_TYPES) if (sameBytes(bytes, start, end, type)) return true;
  return false;
}

/** Where the text of `type` begins; -1 when it stands neither first nor second. */
function typeStart(bytes: Uint8Array): number {
  if (begins(bytes, 0, TYPE_FIRST)) return TYPE_FIRST.length;
  if (!begins(bytes, 0, ID_FIRST)) return -1;
  const idEnd = bytes.indexOf(0x22, ID_FIRST.length);
  if (idEnd < 0 || idEnd > MAX_ID_BYTES || !begins(bytes, idEnd, TYPE_NEXT)) return -1;
  return idEnd + TYPE_NEXT.length;
}

function begins(bytes: Uint8Array, at: number, what: Uint8Array): boolean {
  return sameBytes(bytes, at, at + what.length, what);
}
