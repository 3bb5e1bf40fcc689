/**
 * Large events of the server are judged by their type before they are parsed: parsing 8 MB of small
 * values takes a tenth of a second, in which every call of the process stands still.
 */
import type { ServerEventType } from "./realtime-events.js";

/**
 * What can be told of an event without parsing it. Null: it does not stand in the bytes looked at.
 */
export interface EventHead {
  readonly type: string | null;
  /** `item_id`, or `response.id`; whichever the event has. */
  readonly itemId: string | null;
  readonly responseId: string | null;
  /** `response.status`. */
  readonly status: string | null;
}

/**
 * An event up to this size is parsed without a look at its head: it takes less than a millisecond.
 */
export const SMALL_EVENT_BYTES = 32 * 1024;

/** What of an event is looked at for its head, from its start. The server writes `type` first. */
const HEAD_BYTES = 16 * 1024;
/** And from its end, for a server that writes `type` last. */
const TAIL_BYTES = 512;
const MAX_WORD_BYTES = 512;

/**
 * The largest event that is parsed, in bytes, for the types whose limit is not DEFAULT_LIMIT_BYTES.
 * A limit stands for at most about 4 ms of work. Audio is scanned and not parsed, which is faster.
 */
const LIMITS: Partial<Record<ServerEventType, number>> = {
  // 5 minutes of audio, the most that one call holds: 2.4 MB of mu-law in base64.
  "response.output_audio.delta": 3_400_000,
  // A response repeats the arguments and outputs of all its tool calls.
  "response.done": 128 * 1024,
  // A session repeats its instructions and all its tools.
  "session.created": 128 * 1024,
  "session.updated": 128 * 1024,
};
const DEFAULT_LIMIT_BYTES = 64 * 1024;

/** The largest event of this type that is parsed. */
export function maxEventBytes(type: string): number {
  return Object.hasOwn(LIMITS, type) ? LIMITS[type as ServerEventType]! : DEFAULT_LIMIT_BYTES;
}

/** Reads the head of an event in bounded time, however large the event is. */
export function readEventHead(bytes: Uint8Array): EventHead {
  const found = new Map<string, string>();
  walkHead(bytes, Math.min(bytes.length, HEAD_BYTES), found);
  return {
    type: found.get("type") ?? typeAtEnd(bytes),
    itemId: found.get("item_id") ?? null,
    responseId: found.get("response_id") ?? found.get("response.id") ?? null,
    status: found.get("response.status") ?? null,
  };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Collects the short plain strings that stand directly in the event, or directly in its `response`.
 * It does not check that the bytes are JSON: it only never takes a nested member for an outer one.
 */
function walkHead(bytes: Uint8Array, end: number, found: Map<string, string>): void {
  let depth = 0;
  /** The key at depth 1 in whose value the walk stands. */
  let outerKey = "";
  /** The last string that may be a key: the one before a colon. */
  let lastString = "";
  let key: string | null = null;
  for (let at = 0; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      const close = stringEnd(bytes, at + 1, end);
      if (close < 0) return;
      lastString = word(bytes, at + 1, close);
      if (key !== null && lastString !== "" && !found.has(key)) found.set(key, lastString);
      key = null;
      at = close;
    } else if (byte === 0x3a) {
      if (depth === 1) outerKey = lastString;
      const path = depth === 1 ? lastString : `${outerKey}.${lastString}`;
      key = depth === 1 || (depth === 2 && outerKey === "response") ? path : null;
    } else if (byte === 0x7b || byte === 0x5b) {
      // Strings of an array are no members: they have no key of their own.
      key = null;
      depth += byte === 0x5b ? 2 : 1;
    } else if (byte === 0x7d || byte === 0x5d) {
      key = null;
      depth -= byte === 0x5d ? 2 : 1;
    } else if (byte === 0x2c) key = null;
  }
}

/** The position of the quote that ends a string; -1: not before `end`. */
function stringEnd(bytes: Uint8Array, at: number, end: number): number {
  for (; at < end; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) return at;
  }
  return -1;
}

/** A short string of plain characters, as all names and ids are; "" for any other. */
function word(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > MAX_WORD_BYTES) return "";
  let text = "";
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return "";
    text += String.fromCharCode(byte);
  }
  return text;
}

/**
 * The type where it is the last member, or the last but `event_id`. The brace at the end closes the
 * event itself, and a quote without a backslash before it is never inside a string: so a member
 * that stands directly before that brace is the event's own.
 */
const LAST_TYPE =
  /[,{]\s*"type"\s*:\s*"([a-z_.]{1,100})"\s*(?:,\s*"event_id"\s*:\s*"[\w.-]{0,200}"\s*)?\}\s*$/;

function typeAtEnd(bytes: Uint8Array): string | null {
  let text = "";
  for (let at = Math.max(0, bytes.length - TAIL_BYTES); at < bytes.length; at++)
    text += String.fromCharCode(bytes[at]!);
  return LAST_TYPE.exec(text)?.[1] ?? null;
}
