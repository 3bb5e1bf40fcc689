/**
 * Walks JSON as bytes, without making strings or objects, for messages that come 50 times a second
 * per call. A position goes in; the position after the token comes out, or -1.
 *
 * -1 means "not plain", which is not the same as "not JSON". Escapes, bytes above 0x7e, deep
 * nesting and malformed text all end the walk, and the caller then uses JSON.parse, which alone
 * decides what is valid. Text that is walked to its end is valid JSON, and each of its strings
 * equals its bytes.
 */

export const QUOTE = 0x22;
export const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** Unknown values nested deeper than this are left to JSON.parse. */
const MAX_DEPTH = 32;

/**
 * PLAIN[byte] = 1: the byte stands for itself inside a string, unlike quotes, escapes and UTF-8.
 */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== 0x5c ? 1 : 0,
);

/** First position from `at` on that is not JSON white space. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    at++;
  }
  return at;
}

/** `at` is on the opening quote; returns the position after the closing one, or -1. */
function skipString(bytes: Uint8Array, at: number): number {
  const length = bytes.length;
  if (at >= length || bytes[at] !== QUOTE) return -1;
  at++;
  // Audio is long: eight bytes at a time take two thirds of the time of single ones.
  for (const last = length - 8; at <= last; at += 8) {
    const plain =
      PLAIN[bytes[at]!]! &
      PLAIN[bytes[at + 1]!]! &
      PLAIN[bytes[at + 2]!]! &
      PLAIN[bytes[at + 3]!]! &
      PLAIN[bytes[at + 4]!]! &
      PLAIN[bytes[at + 5]!]! &
      PLAIN[bytes[at + 6]!]! &
      PLAIN[bytes[at + 7]!]!;
    if (plain === 0) break;
  }
  while (at < length && PLAIN[bytes[at]!] === 1) at++;
  return at < length && bytes[at] === QUOTE ? at + 1 : -1;
}

function isDigit(bytes: Uint8Array, at: number): boolean {
  return at < bytes.length && bytes[at]! >= 0x30 && bytes[at]! <= 0x39;
}

/** First position from `at` on that is not a digit. */
export function digitsEnd(bytes: Uint8Array, at: number): number {
  while (isDigit(bytes, at)) at++;
  return at;
}

/** RFC 8259, section 6. */
function skipNumber(bytes: Uint8Array, at: number): number {
  if (bytes[at] === 0x2d) at++;
  if (!isDigit(bytes, at)) return -1;
  at = bytes[at] === 0x30 ? at + 1 : digitsEnd(bytes, at);
  if (at < bytes.length && bytes[at] === 0x2e) {
    if (!isDigit(bytes, at + 1)) return -1;
    at = digitsEnd(bytes, at + 1);
  }
  if (at < bytes.length && (bytes[at]! | 0x20) === 0x65) {
    at++;
    if (at < bytes.length && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at++;
    if (!isDigit(bytes, at)) return -1;
    at = digitsEnd(bytes, at);
  }
  return at;
}

const TRUE = ascii("true");
const FALSE = ascii("false");
const NULL = ascii("null");

function skipScalar(bytes: Uint8Array, at: number): number {
  if (at >= bytes.length) return -1;
  switch (bytes[at]) {
    case QUOTE:
      return skipString(bytes, at);
    case 0x74:
      return startsWith(bytes, at, TRUE) ? at + 4 : -1;
    case 0x66:
      return startsWith(bytes, at, FALSE) ? at + 5 : -1;
    case 0x6e:
      return startsWith(bytes, at, NULL) ? at + 4 : -1;
    default:
      return skipNumber(bytes, at);
  }
}

/** `at` is on the first byte of any value; returns the position after it, or -1. */
function skipValue(bytes: Uint8Array, at: number): number {
  return skipNested(bytes, at, MAX_DEPTH);
}

function skipNested(bytes: Uint8Array, at: number, depth: number): number {
  const open = bytes[at];
  if (open !== OPEN_OBJECT && open !== OPEN_ARRAY) return skipScalar(bytes, at);
  if (depth === 0) return -1;
  const close = open === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY;
  at = skipSpace(bytes, at + 1);
  if (at < bytes.length && bytes[at] === close) return at + 1;
  for (;;) {
    if (open === OPEN_OBJECT) {
      at = skipKey(bytes, at);
      if (at < 0) return -1;
    }
    at = skipNested(bytes, at, depth - 1);
    if (at < 0) return -1;
    at = skipSpace(bytes, at);
    if (at >= bytes.length) return -1;
    if (bytes[at] === close) return at + 1;
    if (bytes[at] !== COMMA) return -1;
    at = skipSpace(bytes, at + 1);
  }
}

function skipKey(bytes: Uint8Array, at: number): number {
  at = skipString(bytes, at);
  return at < 0 ? -1 : skipColon(bytes, at);
}

/** From after a key to the first byte of its value, over the colon; -1 when there is none. */
function skipColon(bytes: Uint8Array, at: number): number {
  at = skipSpace(bytes, at);
  return at < bytes.length && bytes[at] === COLON ? skipSpace(bytes, at + 1) : -1;
}

/** True when `word` stands at `at`. */
function startsWith(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  return startsAt(bytes, at, word, 0, word.length);
}

/** True when the `length` bytes at `at` are those of `other` at `otherAt`. */
export function startsAt(
  bytes: Uint8Array,
  at: number,
  other: Uint8Array,
  otherAt: number,
  length: number,
): boolean {
  if (at + length > bytes.length) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== other[otherAt + i]) return false;
  return true;
}

/** True when `bytes[start … end)` are the bytes of `word`: compares an id without a string. */
export function sameBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  word: Uint8Array,
): boolean {
  return end - start === word.length && startsWith(bytes, start, word);
}

/** Up to 15 digits, so that the number is exact; -1 otherwise. Leading zeros are allowed. */
export function readDigits(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > 15) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** The bytes of a word of the protocol. */
export function ascii(word: string): Uint8Array {
  return Uint8Array.from(word, (c) => c.charCodeAt(0));
}

/**
 * The members of one object, one after the other, without an allocation: call `enter`, then `next`
 * until it returns false. `end` then tells whether the object was walked to its end. A walker does
 * one walk at a time.
 */
export class MemberWalk {
  /** The key is `bytes[keyStart … keyEnd)`, without its quotes. */
  keyStart = 0;
  keyEnd = 0;
  /** The value is `bytes[valueStart … valueEnd)`, with whatever quotes or brackets it has. */
  valueStart = 0;
  valueEnd = 0;
  /** The position after the object; -1 before it is reached, or when something is not plain. */
  end = -1;
  #at = -1;

  /**
   * `at` is on the first byte of any value. A value that is no object has no members and no end.
   */
  enter(bytes: Uint8Array, at: number): void {
    this.end = -1;
    this.#at = bytes[at] === OPEN_OBJECT ? at : -1;
  }

  /** True: the walk stands on the next member. False: there is none, or it is not plain. */
  next(bytes: Uint8Array): boolean {
    // On the brace or comma before a member.
    if (this.#at < 0) return false;
    const key = skipSpace(bytes, this.#at + 1);
    this.#at = -1;
    const keyEnd = skipString(bytes, key) - 1;
    if (keyEnd < 0) return false;
    const value = skipColon(bytes, keyEnd + 1);
    if (value < 0) return false;
    const valueEnd = skipValue(bytes, value);
    if (valueEnd < 0) return false;
    this.keyStart = key + 1;
    this.keyEnd = keyEnd;
    this.valueStart = value;
    this.valueEnd = valueEnd;
    const after = skipSpace(bytes, valueEnd);
    if (bytes[after] === COMMA) this.#at = after;
    else if (bytes[after] === CLOSE_OBJECT) this.end = after + 1;
    // Anything else spoils the member that was just read, too.
    else return false;
    return true;
  }

  /** True when the key is `word`. */
  isKey(bytes: Uint8Array, word: Uint8Array): boolean {
    return sameBytes(bytes, this.keyStart, this.keyEnd, word);
  }

  /** True when the value is the string `word`. */
  isString(bytes: Uint8Array, word: Uint8Array): boolean {
    return (
      bytes[this.valueStart] === QUOTE &&
      sameBytes(bytes, this.valueStart + 1, this.valueEnd - 1, word)
    );
  }
}
