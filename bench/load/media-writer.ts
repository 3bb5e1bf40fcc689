import { BODY_TEXT, STAMP_CHARS, writeStampText } from "./stamped-audio.js";

/** A text frame of 126 to 65,535 bytes, masked with zeros: the server unmasks as ever, and nothing need be copied here. */
const HEADER_BYTES = 8;

/**
 * Builds the `media` messages of one call, WebSocket frame included, in one buffer in which only digits and the stamp change.
 */
export class MediaWriter {
  readonly #streamSid: string;
  readonly #id: number;
  #buffer: Buffer = Buffer.alloc(0);
  #bodyAt = 0;
  #body = -1;
  #fields: { at: number; digits: number }[] = [];

  constructor(streamSid: string, id: number) {
    this.#streamSid = streamSid;
    this.#id = id;
  }

  /** One message, valid until the next call. `seq` and `body` go into the stamp, the rest are Twilio's numbers. */
  media(sequenceNumber: number, chunk: number, timestampMs: number, seq: number, body: number): Buffer {
    if (!this.#fits(sequenceNumber, chunk, timestampMs)) this.#layOut(sequenceNumber, chunk, timestampMs);
    const buffer = this.#buffer;
    writeDigits(buffer, this.#fields[0]!, sequenceNumber);
    writeDigits(buffer, this.#fields[1]!, chunk);
    writeDigits(buffer, this.#fields[2]!, timestampMs);
    writeStampText(buffer, this.#bodyAt - STAMP_CHARS, this.#id, seq, body);
    if (body !== this.#body) {
      this.#body = body;
      buffer.set(BODY_TEXT[body]!, this.#bodyAt);
    }
    return buffer;
  }

  /** The last message is still being sent: the next one is built elsewhere. */
  giveAway(): void {
    this.#buffer = Buffer.from(this.#buffer);
  }

  #fits(...values: number[]): boolean {
    return this.#fields.length > 0 && values.every((value, i) => digits(value) === this.#fields[i]!.digits);
  }

  #layOut(...values: number[]): void {
    const parts = [
      `{"event":"media","sequenceNumber":"`,
      `","streamSid":"${this.#streamSid}","media":{"track":"inbound","chunk":"`,
      `","timestamp":"`,
      `","payload":"`,
    ];
    this.#fields = [];
    let text = "";
    for (let i = 0; i < 3; i++) {
      text += parts[i];
      this.#fields.push({ at: HEADER_BYTES + text.length, digits: digits(values[i]!) });
      text += "0".repeat(digits(values[i]!));
    }
    text += parts[3];
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

function digits(value: number): number {
  let n = 1;
  for (let limit = 10; value >= limit; limit *= 10) n++;
  return n;
}

function writeDigits(buffer: Uint8Array, field: { at: number; digits: number }, value: number): void {
  for (let i = field.at + field.digits - 1; i >= field.at; i--) {
    const rest = Math.floor(value / 10);
    buffer[i] = 48 + value - rest * 10;
    value = rest;
  }
}
