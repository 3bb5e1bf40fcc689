/**
 * Messages to Twilio on a bidirectional (`<Connect><Stream>`) socket. Source: Twilio, Media Streams
 * WebSocket messages.
 */
import { base64EncodedLength, encodeBase64 } from "../codec/base64.js";
import type { StreamSid } from "../domain/ids.js";
import { ascii, COLON } from "./json-scan.js";

/** Digits of the generation and of the position in the name of a mark. */
export const MARK_DIGITS = 9;
export const POSITION_DIGITS = 12;

const encoder = new TextEncoder();
const MEDIA_SUFFIX = ascii('"}}');
const MARK_SUFFIX = ascii('"}}');

/** Two numbers and the colon between them. */
const MARK_NAME_CHARS = MARK_DIGITS + 1 + POSITION_DIGITS;

/** Size for 100 ms of audio in one message; the buffer grows once when more is written. */
const FIRST_PAYLOAD_CHARS = 1068;

/**
 * Writes the messages to one stream. Every view that it returns is valid until the next call of the
 * same writer: give it to a socket that copies.
 */
export class TwilioWriter {
  readonly #clear: Uint8Array;
  readonly #mediaPrefixBytes: number;
  readonly #markPrefixBytes: number;
  #media: Uint8Array;
  #mediaView: Uint8Array;
  readonly #mark: Uint8Array;
  #markView: Uint8Array;

  constructor(streamSid: StreamSid) {
    const sid = JSON.stringify(streamSid);
    this.#clear = encoder.encode(`{"event":"clear","streamSid":${sid}}`);
    const markPrefix = encoder.encode(`{"event":"mark","streamSid":${sid},"mark":{"name":"`);
    this.#markPrefixBytes = markPrefix.length;
    const mediaPrefix = encoder.encode(`{"event":"media","streamSid":${sid},"media":{"payload":"`);
    this.#mediaPrefixBytes = mediaPrefix.length;
    this.#media = new Uint8Array(mediaPrefix.length + FIRST_PAYLOAD_CHARS + MEDIA_SUFFIX.length);
    this.#media.set(mediaPrefix);
    this.#mediaView = this.#media.subarray(0, 0);
    this.#mark = new Uint8Array(markPrefix.length + MARK_NAME_CHARS + MARK_SUFFIX.length);
    this.#mark.set(markPrefix);
    this.#markView = this.#mark.subarray(0, 0);
  }

  /**
   * Audio to play: mu-law `ulaw[start … end)`, no header bytes. Allocates only when the length
   * changes.
   */
  media(ulaw: Uint8Array, start: number, end: number): Uint8Array {
    const payloadEnd = this.#mediaPrefixBytes + base64EncodedLength(end - start);
    const length = payloadEnd + MEDIA_SUFFIX.length;
    if (length > this.#media.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.#media.subarray(0, this.#mediaPrefixBytes));
      this.#media = larger;
      this.#mediaView = larger.subarray(0, 0);
    }
    const media = this.#media;
    encodeBase64(ulaw, start, end, media, this.#mediaPrefixBytes);
    for (let i = 0; i < MEDIA_SUFFIX.length; i++) media[payloadEnd + i] = MEDIA_SUFFIX[i]!;
    if (this.#mediaView.length !== length) this.#mediaView = media.subarray(0, length);
    return this.#mediaView;
  }

  /**
   * A mark named `generation:position`. Twilio sends the name back once everything before it has
   * been played or cleared. Allocates only when the length changes.
   *
   * @param generation  counts the clears, a whole number of at most 9 digits.
   * @param position    bytes sent since the last clear, a whole number of at most 12 digits.
   */
  mark(generation: number, position: number): Uint8Array {
    const mark = this.#mark;
    let at = writeDigits(mark, this.#markPrefixBytes, generation);
    mark[at++] = COLON;
    at = writeDigits(mark, at, position);
    for (let i = 0; i < MARK_SUFFIX.length; i++) mark[at++] = MARK_SUFFIX[i]!;
    if (this.#markView.length !== at) this.#markView = mark.subarray(0, at);
    return this.#markView;
  }

  /** Makes Twilio drop everything that it has not played. Twilio then echoes all pending marks. */
  clear(): Uint8Array {
    return this.#clear;
  }
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
