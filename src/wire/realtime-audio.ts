/**
 * The frequent Realtime events, read and written as bytes: `response.output_audio.delta` and its
 * transcript come in, `input_audio_buffer.append` goes out.
 */
import { base64EncodedLength, encodeBase64 } from "../codec/base64.js";
import { ascii, MemberWalk, QUOTE, readDigits, sameBytes, skipSpace } from "./json-scan.js";
import { MAX_SERVER_EVENT_BYTES } from "./realtime-objects.js";

/** What `scanDelta` found. It is used again for every event. */
export class DeltaScan {
  kind: "audio" | "transcript" = "audio";
  /** Each id is `bytes[start … end)` of the scanned event; compare it with `sameBytes`. */
  responseIdStart = 0;
  responseIdEnd = 0;
  itemIdStart = 0;
  itemIdEnd = 0;
  /** Empty where the event has none. */
  eventIdStart = 0;
  eventIdEnd = 0;
  /**
   * The text of `delta`: plain ASCII without escapes. `decodeBase64` tells whether it is base64.
   */
  deltaStart = 0;
  deltaEnd = 0;
  contentIndex = 0;
}

const TYPE = ascii("type");
const AUDIO_DELTA = ascii("response.output_audio.delta");
const TRANSCRIPT_DELTA = ascii("response.output_audio_transcript.delta");
const RESPONSE_ID = ascii("response_id");
const ITEM_ID = ascii("item_id");
const EVENT_ID = ascii("event_id");
const CONTENT_INDEX = ascii("content_index");
const DELTA = ascii("delta");

const SEEN_TYPE = 1;
const SEEN_RESPONSE_ID = 2;
const SEEN_ITEM_ID = 4;
const SEEN_CONTENT_INDEX = 8;
const SEEN_DELTA = 16;
const SEEN_ALL = 31;

const MAX_ID_BYTES = 512;

/**
 * Finds the fields of a `response.output_audio.delta` or `response.output_audio_transcript.delta`
 * in its bytes, without a string or an object, whatever the order of keys and the white space.
 *
 * @returns  true: `out` holds what `parseServerEvent` would have given. False: the event is another
 *           one, or is written in a way that only the parser reads (escapes, doubled keys), or is
 *           not valid. `out` then holds anything, and `parseServerEvent` tells which it is.
 */
export function scanDelta(bytes: Uint8Array, out: DeltaScan): boolean {
  if (bytes.length > MAX_SERVER_EVENT_BYTES) return false;
  let seen = 0;
  out.eventIdStart = out.eventIdEnd = 0;
  walk.enter(bytes, skipSpace(bytes, 0));
  while (walk.next(bytes)) {
    const arm = armOf(bytes);
    // In JSON.parse the last of two equal keys wins; that case is left to it.
    if ((seen & arm) !== 0) return false;
    if (arm !== 0 && !readField(bytes, arm, walk.valueStart, walk.valueEnd, out)) return false;
    seen |= arm;
    if (arm === 0 && walk.isKey(bytes, EVENT_ID)) readEventId(bytes, out);
  }
  return seen === SEEN_ALL && walk.end >= 0 && skipSpace(bytes, walk.end) === bytes.length;
}

const walk = new MemberWalk();

function armOf(bytes: Uint8Array): number {
  if (walk.isKey(bytes, TYPE)) return SEEN_TYPE;
  if (walk.isKey(bytes, DELTA)) return SEEN_DELTA;
  if (walk.isKey(bytes, ITEM_ID)) return SEEN_ITEM_ID;
  if (walk.isKey(bytes, RESPONSE_ID)) return SEEN_RESPONSE_ID;
  if (walk.isKey(bytes, CONTENT_INDEX)) return SEEN_CONTENT_INDEX;
  return 0;
}

/** An id that is no text is none. */
function readEventId(bytes: Uint8Array, out: DeltaScan): void {
  if (bytes[walk.valueStart] !== QUOTE) return;
  out.eventIdStart = walk.valueStart + 1;
  out.eventIdEnd = walk.valueEnd - 1;
}

/** The value is `bytes[value … end)`, quotes included. */
function readField(
  bytes: Uint8Array,
  arm: number,
  value: number,
  end: number,
  out: DeltaScan,
): boolean {
  if (arm === SEEN_CONTENT_INDEX) {
    out.contentIndex = readDigits(bytes, value, end);
    return out.contentIndex >= 0;
  }
  if (bytes[value] !== QUOTE) return false;
  const start = value + 1;
  const close = end - 1;
  switch (arm) {
    case SEEN_TYPE:
      if (sameBytes(bytes, start, close, AUDIO_DELTA)) out.kind = "audio";
      else if (sameBytes(bytes, start, close, TRANSCRIPT_DELTA)) out.kind = "transcript";
      else return false;
      return true;
    case SEEN_DELTA:
      out.deltaStart = start;
      out.deltaEnd = close;
      return true;
    case SEEN_ITEM_ID:
      out.itemIdStart = start;
      out.itemIdEnd = close;
      break;
    default:
      out.responseIdStart = start;
      out.responseIdEnd = close;
  }
  return close > start && close - start <= MAX_ID_BYTES;
}

const PREFIX = ascii('{"type":"input_audio_buffer.append","audio":"');
const SUFFIX = ascii('"}');

/** Room for 100 ms of audio in one event; more makes the buffer grow, once. */
const FIRST_AUDIO_CHARS = 1068;

/**
 * Writes `input_audio_buffer.append`. A view that it returns is valid until the next call of the
 * same writer, so the socket must copy it. It allocates only when the length changes.
 */
export class AppendWriter {
  #buffer: Uint8Array;
  #view: Uint8Array;
  #viewStart = 0;

  constructor() {
    this.#buffer = new Uint8Array(PREFIX.length + FIRST_AUDIO_CHARS + SUFFIX.length);
    this.#view = this.#buffer.subarray(0, 0);
  }

  /** `base64[start … end)` goes in unchanged. It must be base64, as Twilio's media messages are. */
  append(base64: Uint8Array, start: number, end: number): Uint8Array {
    // The whole array is copied, because that needs no view, and the prefix is written over what
    // stands before the text.
    const buffer = this.#reserve(base64.length);
    buffer.set(base64, PREFIX.length);
    buffer.set(PREFIX, start);
    return this.#finish(start, PREFIX.length + end);
  }

  /** Mu-law `ulaw[start … end)`: silence that the relay adds, or joined frames. */
  appendUlaw(ulaw: Uint8Array, start: number, end: number): Uint8Array {
    const chars = base64EncodedLength(end - start);
    const buffer = this.#reserve(chars);
    buffer.set(PREFIX);
    encodeBase64(ulaw, start, end, buffer, PREFIX.length);
    return this.#finish(0, PREFIX.length + chars);
  }

  #reserve(chars: number): Uint8Array {
    const length = PREFIX.length + chars + SUFFIX.length;
    if (length > this.#buffer.length) {
      this.#buffer = new Uint8Array(2 * length);
      this.#view = this.#buffer.subarray(0, 0);
    }
    return this.#buffer;
  }

  /** The event is `buffer[start … textEnd)` and the suffix. */
  #finish(start: number, textEnd: number): Uint8Array {
    for (let i = 0; i < SUFFIX.length; i++) this.#buffer[textEnd + i] = SUFFIX[i]!;
    const end = textEnd + SUFFIX.length;
    if (this.#viewStart !== start || this.#view.length !== end - start) {
      this.#view = this.#buffer.subarray(start, end);
      this.#viewStart = start;
    }
    return this.#view;
  }
}
