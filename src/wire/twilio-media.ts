/**
 * Twilio Media Streams, both ways, on a bidirectional (`<Connect><Stream>`) socket: JSON text
 * frames. Source: Twilio, Media Streams WebSocket messages.
 */
import { callerAudio } from "../codec/audio-core.js";
import { decodeBase64, isBase64 } from "../codec/base64.js";
import type { CallSid, StreamSid } from "../domain/ids.js";
import { Fields } from "./fields.js";
import { ascii, COLON, digitsEnd, MemberWalk, QUOTE, readDigits, skipSpace } from "./json-scan.js";
import { MediaLayout, OTHER_LAYOUT } from "./media-layout.js";
import { MARK_DIGITS, POSITION_DIGITS } from "./twilio-writer.js";

/** Far above what Twilio sends: a 20 ms frame is about 400 bytes. */
export const MAX_TWILIO_MESSAGE_BYTES = 65_536;

/**
 * What the relay uses of `start`. Tracks and format are the same on every stream of Twilio's, and
 * other senders leave them out.
 */
export interface TwilioStart {
  readonly event: "start";
  readonly streamSid: StreamSid;
  readonly accountSid: string;
  readonly callSid: CallSid;
  /** From our own TwiML. Untrusted until token and signature are checked. Has no prototype. */
  readonly customParameters: Readonly<Record<string, string>>;
}

export interface TwilioMedia {
  readonly event: "media";
  /** Counts the messages of the stream, from 1; 0: its sender does not count. */
  readonly sequenceNumber: number;
  /** "inbound" on a bidirectional stream. */
  readonly track: string;
  /** Counts the media messages of the track, from 1; 0: its sender does not count. */
  readonly chunk: number;
  /** Ms since the stream began. */
  readonly timestampMs: number;
  /** Canonical base64 of mu-law, normally 160 bytes. */
  readonly payload: string;
}

/** Everything that Twilio sends. Events with an unknown name are counted and otherwise ignored. */
export type TwilioMessage =
  | { readonly event: "connected" }
  | TwilioStart
  | TwilioMedia
  | { readonly event: "dtmf"; readonly digit: string }
  | { readonly event: "mark"; readonly name: string }
  | { readonly event: "stop" }
  | { readonly event: "unknown"; readonly name: string };

const encoder = new TextEncoder();

/**
 * Reads any message of Twilio's. `bytes` may be reused afterwards.
 *
 * @throws WireError when the message is too long, not JSON, or lacks a field that we use. The error
 *                   holds nothing of the message.
 */
export function parseTwilioMessage(bytes: Uint8Array): TwilioMessage {
  const message = Fields.parse(bytes, MAX_TWILIO_MESSAGE_BYTES, "twilio");
  const event = message.id("event");
  switch (event) {
    case "connected":
      return { event };
    case "start":
      return parseStart(message);
    case "media":
      return parseMedia(message.object("media"), countOr0(message, "sequenceNumber"));
    case "dtmf":
      return { event, digit: message.object("dtmf").id("digit") };
    case "mark":
      return { event, name: message.object("mark").string("name") };
    case "stop":
      // Some senders of this protocol say no more.
      return { event };
    default:
      return { event: "unknown", name: event };
  }
}

function parseStart(message: Fields): TwilioStart {
  const start = message.object("start");
  return {
    event: "start",
    streamSid: (start.idOrNull("streamSid") ?? message.id("streamSid")) as StreamSid,
    accountSid: start.id("accountSid"),
    callSid: start.id("callSid") as CallSid,
    customParameters: start.has("customParameters") ? start.stringMap("customParameters") : {},
  };
}

function parseMedia(media: Fields, sequenceNumber: number): TwilioMedia {
  const payload = media.string("payload");
  // Checked here because it is passed on as it came: it must not end the JSON string that it is put
  // into.
  const text = encoder.encode(payload);
  if (!isBase64(text, 0, text.length)) throw media.fault("payload", "is not base64");
  return {
    event: "media",
    sequenceNumber,
    // The inbound track is the only one of a bidirectional stream. Some carriers do not name it.
    track: media.has("track") ? media.id("track") : "inbound",
    chunk: countOr0(media, "chunk"),
    timestampMs: media.digits("timestamp"),
    payload,
  };
}

/** A count that only tests look at: a sender may leave it out. */
function countOr0(fields: Fields, key: string): number {
  return fields.has(key) ? fields.digits(key) : 0;
}

// --- the hot path in ----------------------------------------------------------------------------------

/** The result of `scanMedia`, reused for every message. */
export class MediaScan {
  timestampMs = 0;
  sequenceNumber = 0;
  /**
   * The payload, canonical base64, is `bytes[payloadStart … payloadEnd)` of the message scanned.
   */
  payloadStart = 0;
  payloadEnd = 0;
  /**
   * The decoded payload: mu-law in the first `audioBytes` bytes. Valid until the next scan with any
   * MediaScan.
   */
  readonly audio = callerAudio;
  audioBytes = 0;
  /** The layout in which the peers write whose messages are scanned with this; learnt by `scanMedia`. */
  readonly layout = new MediaLayout();
}

const EVENT = ascii("event");
const SEQUENCE_NUMBER = ascii("sequenceNumber");
const MEDIA = ascii("media");
const TRACK = ascii("track");
const CHUNK = ascii("chunk");
const TIMESTAMP = ascii("timestamp");
const PAYLOAD = ascii("payload");
const STREAM_SID = ascii("streamSid");
const INBOUND = ascii("inbound");

const SEEN_EVENT = 1;
const SEEN_SEQUENCE_NUMBER = 2;
const SEEN_MEDIA = 4;
const SEEN_MESSAGE = 7;

const SEEN_TRACK = 1;
const SEEN_CHUNK = 2;
const SEEN_TIMESTAMP = 4;
const SEEN_PAYLOAD = 8;
/** All but the track: `parseMedia` tells why. */
const SEEN_BODY = SEEN_CHUNK | SEEN_TIMESTAMP | SEEN_PAYLOAD;

/**
 * Finds the fields of an inbound media message in its bytes, without making a string or an object,
 * for any order of keys and any white space.
 *
 * @returns  true: `out` holds what `parseTwilioMessage` would have returned. False: the message is
 *           another one, or is written in a way that only the full parser reads (escapes, doubled
 *           keys), or is not valid. The content of `out` is then undefined, and
 *           `parseTwilioMessage` tells which it is.
 */
export function scanMedia(bytes: Uint8Array, out: MediaScan): boolean {
  if (bytes.length > MAX_TWILIO_MESSAGE_BYTES) return false;
  const { layout } = out;
  const audioBytes = layout.scan(bytes);
  if (audioBytes === OTHER_LAYOUT) {
    if (!scanMessage(bytes) || !readFields(bytes, out)) return false;
    layout.learn(bytes, starts, ends);
    return true;
  }
  if (audioBytes < 0) return false;
  out.audioBytes = audioBytes;
  out.sequenceNumber = layout.sequenceNumber;
  out.timestampMs = layout.timestampMs;
  out.payloadStart = layout.payloadStart;
  out.payloadEnd = layout.payloadEnd;
  return true;
}

/** Where `scanMessage` found the fields. */
const starts = new Uint32Array(5);
const ends = new Uint32Array(5);

function digits(bytes: Uint8Array, field: number): number {
  return readDigits(bytes, starts[field]!, ends[field]!);
}

function readFields(bytes: Uint8Array, out: MediaScan): boolean {
  out.sequenceNumber = digits(bytes, MediaLayout.SEQUENCE_NUMBER);
  out.timestampMs = digits(bytes, MediaLayout.TIMESTAMP);
  out.payloadStart = starts[MediaLayout.PAYLOAD]!;
  out.payloadEnd = ends[MediaLayout.PAYLOAD]!;
  out.audioBytes = decodeBase64(bytes, out.payloadStart, out.payloadEnd, out.audio, 0);
  if (out.audioBytes < 0) return false;
  return out.sequenceNumber >= 0 && out.timestampMs >= 0 && digits(bytes, MediaLayout.CHUNK) >= 0;
}

const walk = new MemberWalk();
const inner = new MemberWalk();

/** Accepts any order of keys and any white space, and notes where the fields are. */
function scanMessage(bytes: Uint8Array): boolean {
  let seen = 0;
  starts[MediaLayout.STREAM_SID] = 0;
  ends[MediaLayout.STREAM_SID] = 0;
  walk.enter(bytes, skipSpace(bytes, 0));
  while (walk.next(bytes)) {
    let arm = 0;
    if (walk.isKey(bytes, EVENT)) {
      arm = SEEN_EVENT;
      if (!walk.isString(bytes, MEDIA)) return false;
    } else if (walk.isKey(bytes, MEDIA)) {
      arm = SEEN_MEDIA;
      if (!scanBody(bytes, walk.valueStart)) return false;
    } else if (walk.isKey(bytes, SEQUENCE_NUMBER)) {
      arm = SEEN_SEQUENCE_NUMBER;
      if (bytes[walk.valueStart] !== QUOTE) return false;
      starts[MediaLayout.SEQUENCE_NUMBER] = walk.valueStart + 1;
      ends[MediaLayout.SEQUENCE_NUMBER] = walk.valueEnd - 1;
    } else if (walk.isKey(bytes, STREAM_SID) && isWord(bytes, walk.valueStart, walk.valueEnd)) {
      starts[MediaLayout.STREAM_SID] = walk.valueStart + 1;
      ends[MediaLayout.STREAM_SID] = walk.valueEnd - 1;
    }
    // JSON.parse takes the last of two equal keys, so it reads such a message.
    if ((seen & arm) !== 0) return false;
    seen |= arm;
  }
  return seen === SEEN_MESSAGE && isWhole(bytes, walk);
}

/** A string of letters and digits. */
function isWord(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] !== QUOTE || end - start <= 2) return false;
  for (let at = start + 1; at < end - 1; at++) {
    const char = bytes[at]!;
    const letter = char | 0x20;
    if (!((char >= 0x30 && char <= 0x39) || (letter >= 0x61 && letter <= 0x7a))) return false;
  }
  return true;
}

/** True: nothing but white space follows the object. */
function isWhole(bytes: Uint8Array, { end }: MemberWalk): boolean {
  return end >= 0 && skipSpace(bytes, end) === bytes.length;
}

/** The object under "media". */
function scanBody(bytes: Uint8Array, at: number): boolean {
  let seen = 0;
  inner.enter(bytes, at);
  while (inner.next(bytes)) {
    const arm = bodyArm(bytes);
    if (arm === 0) continue;
    if (bytes[inner.valueStart] !== QUOTE || (seen & arm) !== 0) return false;
    seen |= arm;
    if (arm === SEEN_TRACK) {
      if (!inner.isString(bytes, INBOUND)) return false;
      continue;
    }
    const field =
      arm === SEEN_PAYLOAD
        ? MediaLayout.PAYLOAD
        : arm === SEEN_TIMESTAMP
          ? MediaLayout.TIMESTAMP
          : MediaLayout.CHUNK;
    starts[field] = inner.valueStart + 1;
    ends[field] = inner.valueEnd - 1;
  }
  return (seen & SEEN_BODY) === SEEN_BODY && inner.end >= 0;
}

function bodyArm(bytes: Uint8Array): number {
  if (inner.isKey(bytes, PAYLOAD)) return SEEN_PAYLOAD;
  if (inner.isKey(bytes, TIMESTAMP)) return SEEN_TIMESTAMP;
  if (inner.isKey(bytes, TRACK)) return SEEN_TRACK;
  if (inner.isKey(bytes, CHUNK)) return SEEN_CHUNK;
  return 0;
}

/** The result of `scanMark`. */
export class MarkScan {
  generation = 0;
  position = 0;
}

const MARK = ascii("mark");
const NAME = ascii("name");
const SEEN_MARK = 2;
const SEEN_MARK_MESSAGE = 3;

/**
 * Reads the echo of a mark that `TwilioWriter` wrote, without making a string or an object. Other
 * keys may stand around it.
 *
 * @returns  false: another message, a foreign mark, or one that only `parseTwilioMessage` reads.
 */
export function scanMark(bytes: Uint8Array, out: MarkScan): boolean {
  if (bytes.length > MAX_TWILIO_MESSAGE_BYTES) return false;
  let seen = 0;
  walk.enter(bytes, skipSpace(bytes, 0));
  while (walk.next(bytes)) {
    let arm = 0;
    if (walk.isKey(bytes, EVENT)) {
      arm = SEEN_EVENT;
      if (!walk.isString(bytes, MARK)) return false;
    } else if (walk.isKey(bytes, MARK)) {
      arm = SEEN_MARK;
      if (!readMark(bytes, walk.valueStart, out)) return false;
    }
    if ((seen & arm) !== 0) return false;
    seen |= arm;
  }
  return seen === SEEN_MARK_MESSAGE && isWhole(bytes, walk);
}

/** True when the value at `at` is an object that holds only one of our names. */
function readMark(bytes: Uint8Array, at: number, out: MarkScan): boolean {
  inner.enter(bytes, at);
  if (!inner.next(bytes) || !inner.isKey(bytes, NAME) || inner.end < 0) return false;
  const start = inner.valueStart + 1;
  const end = inner.valueEnd - 1;
  const colon = digitsEnd(bytes, start);
  if (bytes[inner.valueStart] !== QUOTE || bytes[colon] !== COLON) return false;
  if (colon - start > MARK_DIGITS || end - colon - 1 > POSITION_DIGITS) return false;
  out.generation = readDigits(bytes, start, colon);
  out.position = readDigits(bytes, colon + 1, end);
  return out.generation >= 0 && out.position >= 0;
}
