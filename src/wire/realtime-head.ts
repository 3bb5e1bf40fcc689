/**
 * Reads the type of large server events without parsing them. Parsing 8 MB of small values takes a
 * tenth of a second, during which every call of the process would be blocked.
 */
import type { ServerEventType } from "./realtime-events.js";

/** What is known about an event without parsing it. Null: not in the part that was read. */
export interface EventHead {
  readonly type: string | null;
  readonly itemId: string | null;
  /** `response_id`, or `response.id`. */
  readonly responseId: string | null;
  /** `response.status`. */
  readonly status: string | null;
}

/** Events up to this size are parsed at once, which takes less than a millisecond. */
export const SMALL_EVENT_BYTES = 32 * 1024;

/** So much is read from the start of an event. The server writes `type` first. */
const HEAD_BYTES = 16 * 1024;
/** So much is read from the end of an event, for a server that writes `type` last. */
const TAIL_BYTES = 512;
const MAX_WORD_BYTES = 512;

/**
 * The size limits of the types that differ from DEFAULT_LIMIT_BYTES. At each limit the work takes
 * at most about 4 ms. Audio is scanned and not parsed, which is faster.
 */
const LIMITS: Partial<Record<ServerEventType, number>> = {
  // 5 minutes of audio, the most that a call keeps: 2.4 MB of mu-law in base64.
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

/** Takes bounded time, however large the event is. */
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
 * Collects the short plain strings that are members of the event or of its `response`. It does not
 * check that the bytes are JSON; for valid JSON it never mistakes a nested member for an outer one.
 */
function walkHead(bytes: Uint8Array, end: number, found: Map<string, string>): void {
  let depth = 0;
  /** The key at depth 1 whose value is being read. */
  let outerKey = "";
  /** The last string. Before a colon it is a key. */
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
      // Strings in an array have no key, so an array counts as two levels.
      key = null;
      depth += byte === 0x5b ? 2 : 1;
    } else if (byte === 0x7d || byte === 0x5d) {
      key = null;
      depth -= byte === 0x5d ? 2 : 1;
    } else if (byte === 0x2c) key = null;
  }
}

/** The position of the quote that ends a string; -1: there is none before `end`. */
function stringEnd(bytes: Uint8Array, at: number, end: number): number {
  for (; at < end; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) return at;
  }
  return -1;
}

/** A short string of plain characters, as all names and ids are; "" for any other string. */
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
 * Matches a type that is the last member of an event, or the last before `event_id`. The final
 * brace closes the event itself, and an unescaped quote is never inside a string, so a member
 * directly before that brace belongs to the event.
 */
const LAST_TYPE =
  /[,{]\s*"type"\s*:\s*"([a-z_.]{1,100})"\s*(?:,\s*"event_id"\s*:\s*"[\w.-]{0,200}"\s*)?\}\s*$/;

function typeAtEnd(bytes: Uint8Array): string | null {
  let text = "";
  for (let at = Math.max(0, bytes.length - TAIL_BYTES); at < bytes.length; at++)
    text += String.fromCharCode(bytes[at]!);
  return LAST_TYPE.exec(text)?.[1] ?? null;
}
