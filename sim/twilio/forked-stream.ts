/**
 * A unidirectional stream that REST starts on a call: Twilio sends what the call's party says
 * (inbound) and hears (outbound), and takes nothing. A network may lie between it and the relay.
 * Only calls in a conference with sound are simulated.
 */
import { WebSocket } from "ws";
import type { SimClock } from "../clock.js";
import { DelayLine, type Network } from "../network.js";
import { SeededRandom } from "../random.js";
import type { StreamFields } from "./media-stream.js";
import { StreamMessages } from "./stream-messages.js";
import { FRAME_MS } from "./voice.js";

export type Track = "inbound" | "outbound";

export interface ForkEvents {
  started(): void;
  /** The handshake was refused or failed. Nothing else comes. */
  refused(error: number, status: number | null): void;
  violation(text: string): void;
  /** Once, after `started`. */
  closed(): void;
}

export interface ForkOptions {
  readonly name: string | null;
  readonly tracks: readonly Track[];
  readonly clock: SimClock;
  readonly network: Network;
}

const FIRST_TIMESTAMP_MS = 155;

export class ForkedStream {
  readonly fields: StreamFields;
  readonly name: string | null;
  readonly tracks: readonly Track[];
  readonly #events: ForkEvents;
  readonly #messages: StreamMessages;
  readonly #socket: WebSocket;
  readonly #toRelay: DelayLine;
  #isOver = false;
  #frames = 0;

  constructor(
    fields: StreamFields,
    { name, tracks, clock, network }: ForkOptions,
    events: ForkEvents,
  ) {
    this.fields = fields;
    this.name = name;
    this.tracks = tracks;
    this.#events = events;
    this.#messages = new StreamMessages(fields.streamSid);
    const random = new SeededRandom(Number.parseInt(fields.streamSid.slice(-8), 16));
    this.#toRelay = new DelayLine(clock, network.toRelayMs ?? 0, network.jitterMs ?? 0, random);
    this.#socket = new WebSocket(fields.innerUrl, {
      headers: fields.headers,
      perMessageDeflate: false,
      followRedirects: false,
    });
    this.#connect();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isOpen(): boolean {
    return !this.#isOver && this.#socket.readyState === WebSocket.OPEN;
  }

  /** The next 20 ms of both tracks. */
  carry(inbound: Uint8Array, outbound: Uint8Array): void {
    if (!this.isOpen) return;
    const timestamp = FIRST_TIMESTAMP_MS + this.#frames++ * FRAME_MS;
    for (const track of this.tracks) {
      const frame = track === "inbound" ? inbound : outbound;
      const payload = Buffer.from(frame).toString("base64");
      this.#send(this.#messages.media({ timestamp, payload, track }));
    }
  }

  /** Twilio's end: the call is over, or REST has stopped it. Idempotent. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { accountSid, callSid } = this.fields;
    if (this.#socket.readyState === WebSocket.OPEN)
      this.#send(this.#messages.stop(accountSid, callSid));
    this.#toRelay.send(() => this.#socket.close(1000));
  }

  destroy(): void {
    this.#isOver = true;
    this.#toRelay.cut();
    this.#socket.terminate();
  }

  #send(text: string): void {
    this.#toRelay.send(() => {
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
    });
  }

  #connect(): void {
    const socket = this.#socket;
    let isStarted = false;
    let status: number | null = null;
    socket.on("open", () => {
      isStarted = true;
      const { accountSid, streamSid, callSid, parameters } = this.fields;
      const start = { accountSid, streamSid, callSid, customParameters: { ...parameters } };
      this.#send(this.#messages.connected());
      this.#send(this.#messages.start({ ...start, tracks: this.tracks }));
      this.#events.started();
    });
    socket.on("unexpected-response", (request, response) => {
      status = response.statusCode ?? null;
      response.resume();
      request.destroy();
      socket.terminate();
    });
    socket.on("error", () => undefined);
    // "Sends to a <Start> stream are an error."
    socket.on("message", () => this.#events.violation("31924: a message into a forked stream"));
    socket.on("close", () => {
      this.#isOver = true;
      this.#toRelay.cut();
      if (isStarted) this.#events.closed();
      else this.#events.refused(status === null ? 31902 : 31920, status);
    });
  }
}
