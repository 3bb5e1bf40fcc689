/**
 * One `<Connect><Stream>` socket, Twilio's side: connected, start, a frame every 20 ms, marks
 * echoed as they are played, dtmf, stop. A network may lie between it and the relay; then every
 * message takes its time in either direction.
 */
import { WebSocket } from "ws";
import { IdentityChecker } from "../audio/identity.js";
import type { Paced, Pacer, SimClock } from "../clock.js";
import { DelayLine, type Network } from "../network.js";
import { SeededRandom } from "../random.js";
import { MediaPlayout } from "./playout.js";
import { StreamMessages } from "./stream-messages.js";
import type { StreamQuirks } from "./stream-quirks.js";
import { StreamReader } from "./stream-reader.js";
import { FRAME_BYTES, type Voice } from "./voice.js";

export interface StreamFields {
  /** As in the TwiML. */
  readonly url: string;
  /** Where it really goes: ws:// on loopback. */
  readonly innerUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly streamSid: string;
  readonly callSid: string;
  readonly accountSid: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface StreamOptions {
  readonly clock: SimClock;
  readonly pacer: Pacer;
  readonly voice: Voice;
  readonly keepAudio: boolean;
  readonly checkIdentity: boolean;
  readonly quirks: StreamQuirks;
  readonly network: Network;
  /** Timestamp of the first frame, unless a quirk says otherwise. */
  readonly firstTimestampMs: number;
  /** Time for the handshake. */
  readonly handshakeMs: number;
  readonly hooks: StreamHooks;
}

export interface StreamHooks {
  /** Audio from the relay as it reaches the phone; valid only until it returns. */
  onMedia?(stream: MediaStream, bytes: Uint8Array): void;
  onClear?(stream: MediaStream): void;
}

/** What the owner is told. */
export interface StreamEvents {
  started(): void;
  /** The handshake was refused, failed or timed out. Nothing else comes. */
  refused(error: number, httpStatus: number | null, message: string): void;
  cleared(droppedMs: number): void;
  firstMedia(): void;
  violation(text: string): void;
  /** Once, after `started`. `by`: which side closed it. */
  closed(by: "relay" | "twilio", code: number, reason: string): void;
}

/** Twilio documents no limit; no sensible message comes near this one. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Live captures: frames of 20 ms of audio come, and are numbered, every 19.97 ms. */
export const FRAME_STEP_MS = 19.97;

export class MediaStream implements Paced {
  readonly fields: StreamFields;
  readonly playout: MediaPlayout;
  /** Of the relay's audio in the order received; null unless it is checked. */
  readonly identity: IdentityChecker | null;
  /** What the caller said, as sent; only where audio is kept. */
  readonly sent: Uint8Array[] = [];
  framesSent = 0;
  framesLost = 0;
  readonly marks = { received: 0, echoed: 0 };
  mediaMessages = 0;
  startedAtMs: number | null = null;
  closedAtMs: number | null = null;
  readonly #options: StreamOptions;
  readonly #events: StreamEvents;
  readonly #socket: WebSocket;
  readonly #messages: StreamMessages;
  readonly #reader: StreamReader;
  readonly #toRelay: DelayLine;
  readonly #toPhone: DelayLine;
  readonly #frame = Buffer.allocUnsafe(FRAME_BYTES);
  #leave: (() => void) | null = null;
  #position = 0;
  #endedBy: "relay" | "twilio" | null = null;

  constructor(fields: StreamFields, options: StreamOptions, events: StreamEvents) {
    this.fields = fields;
    this.#options = options;
    this.#events = events;
    this.playout = new MediaPlayout(options.keepAudio);
    this.identity = options.checkIdentity ? new IdentityChecker() : null;
    this.#messages = new StreamMessages(fields.streamSid, options.quirks.dialect);
    this.#reader = new StreamReader(fields.streamSid);
    const { toRelayMs = 0, toPhoneMs = 0, jitterMs = 0 } = options.network;
    const random = new SeededRandom(Number.parseInt(fields.streamSid.slice(-8), 16));
    this.#toRelay = new DelayLine(options.clock, toRelayMs, jitterMs, random);
    this.#toPhone = new DelayLine(options.clock, toPhoneMs, jitterMs, random);
    this.#socket = new WebSocket(fields.innerUrl, {
      headers: fields.headers,
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      handshakeTimeout: options.handshakeMs,
      followRedirects: false,
      // A mask of zeros is a valid mask, and saves the masking of every frame.
      generateMask: (mask) => mask.fill(0),
    });
    this.#connect();
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  press(digit: string): void {
    this.#send(this.#messages.dtmf(digit));
  }

  /** Twilio's end: `stop`, then the socket closes. Idempotent. */
  stop(): void {
    if (this.#endedBy !== null) return;
    this.#endedBy = "twilio";
    const { ending } = this.#options.quirks;
    this.#stopSending();
    if (this.startedAtMs !== null && ending !== "close_without_stop")
      this.#send(this.#messages.stop(this.fields.accountSid, this.fields.callSid));
    if (ending !== "stop_without_close") this.#toRelay.send(() => this.#socket.close(1000));
  }

  /** The socket dies without a close frame. */
  destroy(): void {
    this.#endedBy ??= "twilio";
    this.#toRelay.cut();
    this.#socket.terminate();
  }

  /** Any text, as it is: for tests of the relay's parser. */
  sendRaw(text: string): void {
    this.#send(text);
  }

  tick(nowMs: number): void {
    const elapsedMs = nowMs - this.startedAtMs!;
    while (this.#position * FRAME_STEP_MS <= elapsedMs) this.#sendFrame();
    for (const name of this.playout.played(nowMs)) this.#echo(name);
  }

  #connect(): void {
    const socket = this.#socket;
    let opened = false;
    let httpStatus: number | null = null;
    let failure = "";
    socket.on("open", () => {
      opened = true;
      this.#opened();
    });
    socket.on("unexpected-response", (request, response) => {
      httpStatus = response.statusCode ?? null;
      response.resume();
      request.destroy();
      socket.terminate();
    });
    socket.on("error", (error) => {
      failure = error.message;
    });
    socket.on("message", (data: Buffer, isBinary: boolean) =>
      this.#toPhone.send(() => this.#message(data, isBinary)),
    );
    socket.on("close", (code, reason) => {
      // What the relay sent before it closed arrives first.
      if (opened) this.#toPhone.send(() => this.#closed(code, reason.toString()));
      else this.#refused(httpStatus, failure);
    });
  }

  #opened(): void {
    const { startDelayMs = 0 } = this.#options.quirks;
    this.#send(this.#messages.connected());
    if (startDelayMs === null) return;
    if (startDelayMs === 0) this.#start();
    else this.#options.clock.after(startDelayMs, () => this.#start());
  }

  #refused(httpStatus: number | null, failure: string): void {
    this.#stopSending();
    const slow = failure.includes("timed out");
    if (httpStatus !== null) this.#events.refused(31920, httpStatus, "not 101");
    else this.#events.refused(slow ? 31901 : 31902, null, failure);
  }

  #closed(code: number, reason: string): void {
    this.#stopSending();
    this.#toRelay.cut();
    this.closedAtMs = this.#options.clock.nowMs();
    this.playout.stop(this.closedAtMs);
    this.#events.closed(this.#endedBy ?? "relay", code, reason);
  }

  #start(): void {
    if (!this.open) return;
    const { streamSid, callSid, accountSid, parameters } = this.fields;
    const start = { accountSid, streamSid, callSid, customParameters: { ...parameters } };
    this.#options.quirks.tamperStart?.(start);
    this.#send(this.#messages.start({ ...start, streamSid }));
    this.startedAtMs = this.#options.clock.nowMs();
    this.#events.started();
    this.#leave = this.#options.pacer.join(this);
    const { stallMs } = this.#options.quirks;
    if (stallMs !== undefined) {
      this.#socket.pause();
      this.#options.clock.after(stallMs, () => this.#socket.resume());
    }
  }

  #sendFrame(): void {
    const { quirks, voice, keepAudio, firstTimestampMs } = this.#options;
    const index = this.#position++;
    voice.next(this.#frame, 0);
    if (quirks.loses?.(index) === true) {
      this.framesLost++;
      return;
    }
    let frame = this.#frame;
    if (index === 0 && quirks.firstFrameBytes !== undefined)
      frame = frame.subarray(0, quirks.firstFrameBytes);
    if (keepAudio) this.sent.push(Uint8Array.from(frame));
    this.framesSent++;
    const firstMs = quirks.firstTimestampMs ?? firstTimestampMs;
    const timestamp = Math.round(firstMs + index * FRAME_STEP_MS);
    const media = { timestamp, payload: frame.toString("base64") };
    this.#send(
      quirks.oddJson === true ? this.#messages.oddMedia(media) : this.#messages.media(media),
    );
  }

  #message(data: Buffer, isBinary: boolean): void {
    // Twilio no longer looks at what comes after its stop.
    if (this.#endedBy !== null) return;
    const message = this.#reader.read(data, isBinary);
    switch (message.kind) {
      case "media":
        this.#media(message.audio);
        return;
      case "mark":
        this.#mark(message.name);
        return;
      case "clear":
        this.#clear();
        return;
      default:
        this.#refuse(message.what);
    }
  }

  #media(audio: Buffer): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.mediaMessages++ === 0) this.#events.firstMedia();
    if (this.startedAtMs === null) this.#events.violation("media before start was sent");
    this.playout.media(audio, nowMs);
    this.identity?.push(audio, nowMs);
    this.#options.hooks.onMedia?.(this, audio);
  }

  #mark(name: string): void {
    const nowMs = this.#options.clock.nowMs();
    this.marks.received++;
    for (const played of this.playout.played(nowMs)) this.#echo(played);
    if (this.playout.mark(name, nowMs)) this.#echo(name);
  }

  #clear(): void {
    const nowMs = this.#options.clock.nowMs();
    this.#options.hooks.onClear?.(this);
    for (const played of this.playout.played(nowMs)) this.#echo(played);
    const pending = this.playout.clear(nowMs);
    this.#events.cleared((this.playout.clears.at(-1)?.droppedBytes ?? 0) / 8);
    for (const name of pending) this.#echo(name);
  }

  #echo(name: string): void {
    if (this.#options.quirks.noMarks === true) return;
    this.marks.echoed++;
    this.#send(this.#messages.mark(name));
  }

  /** 31924: the socket dies. */
  #refuse(what: string): void {
    this.#events.violation(`31924: ${what}`);
    this.#endedBy = "twilio";
    this.#stopSending();
    this.#socket.terminate();
  }

  #send(text: string): void {
    this.#toRelay.send(() => {
      if (this.open) this.#socket.send(text);
    });
  }

  #stopSending(): void {
    this.#leave?.();
    this.#leave = null;
  }
}
