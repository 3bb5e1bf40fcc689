import { BODY_TEXT, STAMP_CHARS, writeStampText } from "./stamped-audio.js";

/**
 * Header of a text frame of 126 to 65,535 bytes with a mask of zeros, so that nothing is copied
 * here.
 */
const HEADER_BYTES = 8;

/**
 * Builds the `media` messages of one call, WebSocket frame included, in one buffer in which only
 * digits and the stamp change.
 */
export class MediaWriter {
  readonly #streamSid: string;
  readonly #id: number;
  readonly #chunk: Field = { at: 0, digits: 0, limit: 0 };
  readonly #sequence: Field = { at: 0, digits: 0, limit: 0 };
  readonly #timestamp: Field = { at: 0, digits: 0, limit: 0 };
  #buffer: Buffer = Buffer.alloc(0);
  #bodyAt = 0;
  #body = -1;

  constructor(streamSid: string, id: number) {
    this.#streamSid = streamSid;
    this.#id = id;
  }

  /**
   * One message, valid until the next call. `seq` and `body` go into the stamp, the rest are
   * Twilio's numbers.
   */
  media(
    sequenceNumber: number,
    chunk: number,
    timestampMs: number,
    seq: number,
    body: number,
  ): Buffer {
    if (
      sequenceNumber >= this.#sequence.limit ||
      chunk >= this.#chunk.limit ||
      timestampMs >= this.#timestamp.limit
    ) {
      this.#layOut(sequenceNumber, chunk, timestampMs);
    }
    const buffer = this.#buffer;
    writeDigits(buffer, this.#sequence, sequenceNumber);
    writeDigits(buffer, this.#chunk, chunk);
    writeDigits(buffer, this.#timestamp, timestampMs);
    writeStampText(buffer, this.#bodyAt - STAMP_CHARS, this.#id, seq, body);
    if (body !== this.#body) {
      this.#body = body;
      buffer.set(BODY_TEXT[body]!, this.#bodyAt);
    }
    return buffer;
  }

  /** The last message is still being sent: the next one is built in another buffer. */
  giveAway(): void {
    this.#buffer = Buffer.from(this.#buffer);
  }

  #layOut(sequenceNumber: number, chunk: number, timestampMs: number): void {
    let text = `{"event":"media","sequenceNumber":"`;
    text += placeDigits(this.#sequence, HEADER_BYTES + text.length, sequenceNumber);
    text += `","streamSid":"${this.#streamSid}","media":{"track":"inbound","chunk":"`;
    text += placeDigits(this.#chunk, HEADER_BYTES + text.length, chunk);
    text += `","timestamp":"`;
    text += placeDigits(this.#timestamp, HEADER_BYTES + text.length, timestampMs);
    text += `","payload":"`;
    this.#bodyAt = HEADER_BYTES + text.length + STAMP_CHARS;
    this.#body = -1;
    text += "A".repeat(STAMP_CHARS + BODY_TEXT[0]!.length);
    text += `"}}`;
    this.#buffer = Buffer.alloc(HEADER_BYTES + text.length);
    this.#buffer[0] = 0x81;
    this.#buffer[1] = 0x80 | 126;
    this.#buffer.writeUInt16BE(text.length, 2);
    this.#buffer.write(text, HEADER_BYTES, "latin1");
  }
}

/** The place of a number, and the smallest number that does not fit there. */
interface Field {
  at: number;
  digits: number;
  limit: number;
}

/** @returns the placeholder for the number. */
function placeDigits(field: Field, at: number, value: number): string {
  field.at = at;
  field.digits = String(value).length;
  field.limit = 10 ** field.digits;
  return "0".repeat(field.digits);
}

function writeDigits(buffer: Uint8Array, field: Field, value: number): void {
  for (let i = field.at + field.digits - 1; i >= field.at; i--) {
    const rest = Math.floor(value / 10);
    buffer[i] = 48 + value - rest * 10;
    value = rest;
  }
}
