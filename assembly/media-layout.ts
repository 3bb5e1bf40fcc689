/**
 * Compares a Twilio media message with the layout of an earlier one, and reads its fields. The
 * layout is written by src/wire/media-layout.ts: five times field, start and end as i32, in the
 * order of the fields in the message, then the length of the earlier message and its bytes.
 */
import { decodeBase64 } from "./base64";
import { FOUND, LAYOUT, MESSAGE_AUDIO, TEXT } from "./memory";

const FIELDS: i32 = 5;
const FIELD_BYTES: usize = 12;
const SAMPLE_LENGTH: usize = 60;
const SAMPLE: usize = 64;

const SEQUENCE_NUMBER: i32 = 0;
const TIMESTAMP: i32 = 2;
const PAYLOAD: i32 = 3;
const STREAM_SID: i32 = 4;
/** In place of a field that the message does not have. */
const NOTHING: i32 = 5;

const QUOTE: u8 = 0x22;
const ZERO: u32 = 0x30;
/** The bit that makes a letter a small one. */
const LOWER: u32 = 0x20;
const LOWER_A: u32 = 0x61;
/** A count with more digits would not be exact. */
const MOST_DIGITS: i32 = 15;

const OTHER_LAYOUT: i32 = -1;
const INVALID: i32 = -2;

/**
 * Scans the `length` bytes at TEXT. The audio of a message with the known layout is at
 * MESSAGE_AUDIO afterwards, its fields at FOUND.
 *
 * @returns  bytes of audio; -1: the layout is another one; -2: it is the same, and a field is not
 *           valid.
 */
export function scanMedia(length: i32): i32 {
  const sampleLength = load<i32>(LAYOUT + SAMPLE_LENGTH);
  const lastEnd = load<i32>(LAYOUT + <usize>(FIELDS - 1) * FIELD_BYTES, 8);
  const rest = sampleLength - lastEnd;
  const restAt = length - rest;
  let at: i32 = 0;
  let sampleAt: i32 = 0;
  let audioBytes: i32 = 0;
  let valid = true;
  for (let i: i32 = 0; i < FIELDS; i++) {
    const entry = LAYOUT + <usize>i * FIELD_BYTES;
    const field = load<i32>(entry);
    const around = load<i32>(entry, 4) - sampleAt;
    if (at + around > length || !same(TEXT + <usize>at, LAYOUT + SAMPLE + <usize>sampleAt, around))
      return OTHER_LAYOUT;
    at += around;
    const start = at;
    if (field === PAYLOAD) {
      at = quoteFrom(at, length);
      if (at < start) return OTHER_LAYOUT;
      store<f64>(FOUND, <f64>start, 16);
      store<f64>(FOUND, <f64>at, 24);
      audioBytes = decodeBase64(TEXT + <usize>start, at - start, MESSAGE_AUDIO);
      if (audioBytes < 0) valid = false;
    } else if (field === STREAM_SID) {
      at = wordEnd(at, length);
    } else if (field !== NOTHING) {
      at = digitsEnd(at, length);
      const value = digits(start, at);
      if (value < 0) valid = false;
      if (field === SEQUENCE_NUMBER) store<f64>(FOUND, value);
      else if (field === TIMESTAMP) store<f64>(FOUND, value, 8);
    }
    sampleAt = load<i32>(entry, 8);
  }
  if (at !== restAt || !same(TEXT + <usize>at, LAYOUT + SAMPLE + <usize>sampleAt, rest))
    return OTHER_LAYOUT;
  return valid ? audioBytes : INVALID;
}

function quoteFrom(from: i32, length: i32): i32 {
  let at = from;
  while (at < length && load<u8>(TEXT + <usize>at) !== QUOTE) at++;
  return at;
}

function digitsEnd(from: i32, length: i32): i32 {
  let at = from;
  while (at < length && <u32>load<u8>(TEXT + <usize>at) - ZERO < 10) at++;
  return at;
}

/** Behind letters and digits. */
function wordEnd(from: i32, length: i32): i32 {
  let at = from;
  while (at < length && isWord(load<u8>(TEXT + <usize>at))) at++;
  return at;
}

function isWord(char: u32): bool {
  return char - ZERO < 10 || (char | LOWER) - LOWER_A < 26;
}

/** -1: none, or too many. */
function digits(start: i32, end: i32): f64 {
  if (end <= start || end - start > MOST_DIGITS) return -1;
  let value: u64 = 0;
  for (let at = start; at < end; at++)
    value = value * 10 + <u64>(<u32>load<u8>(TEXT + <usize>at) - ZERO);
  return <f64>value;
}

function same(a: usize, b: usize, n: i32): bool {
  let i: usize = 0;
  const end = <usize>n;
  for (; i + 16 <= end; i += 16)
    if (v128.any_true(v128.xor(v128.load(a + i), v128.load(b + i)))) return false;
  for (; i < end; i++) if (load<u8>(a + i) !== load<u8>(b + i)) return false;
  return true;
}
