/**
 * Messages to Twilio on a bidirectional (`<Connect><Stream>`) socket. Source: Twilio, Media Streams
 * WebSocket messages.
 */
import { core, coreMemory, placeBytes, placeOf, textView } from "../codec/audio-core.js";
import { base64EncodedLength } from "../codec/base64.js";
import type { StreamSid } from "../domain/ids.js";
import { ascii, COLON } from "./json-scan.js";

/** Digits of the generation and of the position in the name of a mark. */
export const MARK_DIGITS = 9;
export const POSITION_DIGITS = 12;

/** Four seconds in one message; usual are 60 ms. */
export const MAX_MEDIA_BYTES = 32 * 1024;

const encoder = new TextEncoder();
const MEDIA_SUFFIX = ascii('"}}');
const MARK_SUFFIX = ascii('"}}');

const TEXT = placeOf("TEXT");

/**
 * Writes the messages to one stream, in memory that all streams share: every view that it returns
 * is valid until the next message of any stream, so it must go to a socket that copies.
 */
export class TwilioWriter {
  readonly #clear: Uint8Array;
  readonly #mediaPrefix: Uint8Array;
  readonly #markPrefix: Uint8Array;

  constructor(streamSid: StreamSid) {
    const sid = JSON.stringify(streamSid);
    const clear = `{"event":"clear","streamSid":${sid}}`;
    const mark = `{"event":"mark","streamSid":${sid},"mark":{"name":"`;
    const media = `{"event":"media","streamSid":${sid},"media":{"payload":"`;
    // One piece of memory for the three of them.
    const bytes = encoder.encode(media + mark + clear);
    const markAt = encoder.encode(media).length;
    const clearAt = markAt + encoder.encode(mark).length;
    this.#mediaPrefix = bytes.subarray(0, markAt);
    this.#markPrefix = bytes.subarray(markAt, clearAt);
    this.#clear = bytes.subarray(clearAt);
  }

  /**
   * Audio to play: mu-law `ulaw[start … end)`, no header bytes, at most MAX_MEDIA_BYTES. Allocates
   * only for a length that is new.
   *
   * @throws RangeError for more.
   */
  media(ulaw: Uint8Array, start: number, end: number): Uint8Array {
    const bytes = end - start;
    if (bytes > MAX_MEDIA_BYTES) throw new RangeError(`${bytes} bytes of audio in one message`);
    const prefix = this.#mediaPrefix;
    const from = placeBytes(ulaw, start, end);
    coreMemory.set(prefix, TEXT);
    core.encodeBase64(from, bytes, TEXT + prefix.length);
    return finished(prefix.length + base64EncodedLength(bytes), MEDIA_SUFFIX);
  }

  /**
   * A mark named `generation:position`. Twilio sends the name back once everything before it has
   * been played or cleared. Allocates only for a length that is new.
   *
   * @param generation  counts the clears, a whole number of at most 9 digits.
   * @param position    bytes sent since the last clear, a whole number of at most 12 digits.
   */
  mark(generation: number, position: number): Uint8Array {
    const prefix = this.#markPrefix;
    coreMemory.set(prefix, TEXT);
    let at = writeDigits(coreMemory, TEXT + prefix.length, generation);
    coreMemory[at++] = COLON;
    at = writeDigits(coreMemory, at, position);
    return finished(at - TEXT, MARK_SUFFIX);
  }

  /** Makes Twilio drop everything that it has not played. Twilio then echoes all pending marks. */
  clear(): Uint8Array {
    return this.#clear;
  }
}

/** The message that begins at TEXT, with this suffix after its first `length` bytes. */
function finished(length: number, suffix: Uint8Array): Uint8Array {
  for (let i = 0; i < suffix.length; i++) coreMemory[TEXT + length + i] = suffix[i]!;
  return textView(length + suffix.length);
}

/** The content of one of our marks. */
export interface MarkName {
  readonly generation: number;
  readonly position: number;
}

/** Reads the name of a mark that `TwilioWriter` wrote; null for any other. */
export function readMarkName(name: string): MarkName | null {
  const match = /^(\d{1,9}):(\d{1,12})$/.exec(name);
  return match === null ? null : { generation: Number(match[1]), position: Number(match[2]) };
}

/** Writes a whole number from `at` on; returns the position after it. */
function writeDigits(out: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  for (let i = at + digits - 1; i >= at; i--) {
    const rest = Math.floor(value / 10);
    out[i] = 0x30 + value - rest * 10;
    value = rest;
  }
  return at + digits;
}
