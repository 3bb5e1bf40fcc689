/** The messages that Twilio sends into a media stream, as text. */
import type { StreamDialect } from "./stream-quirks.js";

export interface StartFields {
  readonly accountSid: string;
  readonly streamSid: string;
  readonly callSid: string;
  readonly customParameters: Readonly<Record<string, string>>;
  /** Default: inbound alone. */
  readonly tracks?: readonly string[];
}

export interface MediaFields {
  readonly timestamp: number;
  readonly payload: string;
  /** Default "inbound". */
  readonly track?: "inbound" | "outbound";
}

/** Key order as in live captures; the dialect's small differences where there are any. */
export class StreamMessages {
  readonly #streamSid: string;
  readonly #dialect: StreamDialect;
  #sequence = 0;
  #chunk = 0;
  #outboundChunk = 0;

  constructor(streamSid: string, dialect: StreamDialect = {}) {
    this.#streamSid = streamSid;
    this.#dialect = dialect;
  }

  connected(): string {
    return '{"event":"connected","protocol":"Call","version":"1.0.0"}';
  }

  start(fields: StartFields): string {
    const { accountSid, streamSid, callSid, customParameters, tracks = ["inbound"] } = fields;
    return JSON.stringify({
      event: "start",
      sequenceNumber: this.#number(++this.#sequence),
      start: {
        accountSid,
        streamSid,
        callSid,
        tracks,
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
        ...(this.#dialect.noCustomParameters === true ? {} : { customParameters }),
      },
      streamSid,
    });
  }

  /** The shape of nearly every message: built by hand, as often as it is sent. */
  media({ timestamp, payload, track: name = "inbound" }: MediaFields): string {
    const track = this.#dialect.noTrack === true ? "" : `"track":"${name}",`;
    const chunk = name === "inbound" ? ++this.#chunk : ++this.#outboundChunk;
    return (
      `{"event":"media","sequenceNumber":${this.#text(++this.#sequence)},"media":{${track}` +
      `"chunk":${this.#text(chunk)},"timestamp":${this.#text(timestamp)},` +
      `"payload":"${payload}"},"streamSid":"${this.#streamSid}"}`
    );
  }

  /** The same in another order, with spaces and fields that Twilio has not documented. */
  oddMedia({ timestamp, payload }: MediaFields): string {
    return (
      `{ "streamSid": "${this.#streamSid}",\n "media": ` +
      `{"payload":"${payload.replaceAll("/", "\\/")}", "newField": {"a": [1, "\\"}"]}, ` +
      `"timestamp":"${timestamp}", "chunk":"${++this.#chunk}","track":"inbound"},` +
      `"sequenceNumber" : "${++this.#sequence}", "event":"media" }`
    );
  }

  dtmf(digit: string): string {
    const track = this.#dialect.noTrack === true ? {} : { track: "inbound_track" };
    return this.#message("dtmf", { dtmf: { ...track, digit } });
  }

  mark(name: string): string {
    return this.#message("mark", { mark: { name } });
  }

  stop(accountSid: string, callSid: string): string {
    const body = this.#dialect.emptyStop === true ? {} : { stop: { accountSid, callSid } };
    return this.#message("stop", body);
  }

  #message(event: string, body: object): string {
    const sequenceNumber = this.#number(++this.#sequence);
    return JSON.stringify({ event, sequenceNumber, streamSid: this.#streamSid, ...body });
  }

  #number(value: number): string | number {
    return this.#dialect.numbers === true ? value : String(value);
  }

  #text(value: number): string {
    return this.#dialect.numbers === true ? String(value) : `"${value}"`;
  }
}
