/**
 * One `<Connect><Stream>` socket, Twilio's side: connected, start, a frame every 20 ms, marks echoed as they are played, dtmf,
 * stop. What the relay sends is checked to the letter; anything else ends the stream, as 31924 does.
 */
import { WebSocket } from "ws";
import { IdentityChecker } from "../audio/identity.js";
import type { Paced, Pacer, SimClock } from "../clock.js";
import { MediaPlayout } from "./playout.js";
import { FRAME_BYTES, FRAME_MS, type Voice } from "./voice.js";

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

/** Ways in which a stream can be unlike the usual. Absent: the usual. */
export interface StreamQuirks {
  /** From the upgrade to `start`; null: it never comes. */
  readonly startDelayMs?: number | null;
  /** Changes `start` before it leaves: customParameters, callSid, accountSid. */
  readonly tamperStart?: (start: {
    callSid: string;
    accountSid: string;
    streamSid: string;
    customParameters: Record<string, string>;
  }) => void;
  /** Frames (by number, from 0) that get lost on the way: their time passes, no message comes. */
  readonly loses?: (frame: number) => boolean;
  /** Timestamp of the first frame. Default 20. */
  readonly firstTimestampMs?: number;
  /** The first message holds only this many bytes of its frame. */
  readonly firstFrameBytes?: number;
  /** JSON in another order and with spaces and fields that Twilio has not documented. */
  readonly oddJson?: boolean;
  /** Sends `stop` and leaves the socket open, or closes without `stop`. */
  readonly ending?: "stop_without_close" | "close_without_stop";
  /** Does not read from the socket for this long once audio has begun. */
  readonly stallMs?: number;
}

export interface StreamOptions {
  readonly clock: SimClock;
  readonly pacer: Pacer;
  readonly voice: Voice;
  readonly keepAudio: boolean;
  readonly checkIdentity: boolean;
  readonly quirks: StreamQuirks;
  /** Time for the handshake. */
  readonly handshakeMs: number;
  readonly hooks: StreamHooks;
}

export interface StreamHooks {
  /** A caller frame is about to leave; `frame` counts from 0. */
  onFrameSent?(stream: MediaStream, frame: number, atMs: number): void;
  /** Audio from the relay; valid only until it returns. */
  onMedia?(stream: MediaStream, bytes: Uint8Array, atMs: number): void;
  onClear?(stream: MediaStream, atMs: number): void;
}

/** What the owner is told. */
export interface StreamEvents {
  started(): void;
  /** Handshake refused, failed or timed out. Nothing else comes. */
  refused(error: number, httpStatus: number | null, message: string): void;
  mark(name: string, echoed: boolean): void;
  cleared(droppedMs: number): void;
  firstMedia(): void;
  violation(text: string): void;
  /** Once, after `started`. `by` is who closed it. */
  closed(by: "relay" | "twilio", code: number, reason: string): void;
}

const MEDIA_KEYS = ["event", "media", "streamSid"].join();
const MARK_KEYS = ["event", "mark", "streamSid"].join();
const CLEAR_KEYS = ["event", "streamSid"].join();
/** Twilio's own limit is not documented; nothing sensible comes near it. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

export class MediaStream implements Paced {
  readonly fields: StreamFields;
  readonly playout: MediaPlayout;
  /** Of the relay's audio in the order received; null unless it is checked. */
  readonly identity: IdentityChecker | null;
  /** What the caller said, as sent; only when audio is kept. */
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
  readonly #frame = Buffer.allocUnsafe(FRAME_BYTES);
  #leave: (() => void) | null = null;
  #sequence = 0;
  #chunk = 0;
  #position = 0;
  #endedBy: "relay" | "twilio" | null = null;
  /** Head and tail of the relay's media messages, learnt from the first. */
  #mediaHead: string | null = null;
  #mediaTail = "";

  constructor(fields: StreamFields, options: StreamOptions, events: StreamEvents) {
    this.fields = fields;
    this.#options = options;
    this.#events = events;
    this.playout = new MediaPlayout(options.keepAudio);
    this.identity = options.checkIdentity ? new IdentityChecker() : null;
    this.#socket = new WebSocket(fields.innerUrl, {
      headers: fields.headers,
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      handshakeTimeout: options.handshakeMs,
      followRedirects: false,
      // A mask of zeros is a mask: it saves the masking of every frame.
      generateMask: (mask) => mask.fill(0),
    });
    let opened = false;
    let httpStatus: number | null = null;
    this.#socket.on("open", () => {
      opened = true;
      this.#opened();
    });
    this.#socket.on("unexpected-response", (request, response) => {
      httpStatus = response.statusCode ?? null;
      response.resume();
      request.destroy();
      this.#socket.terminate();
    });
    let failure = "";
    this.#socket.on("error", (error) => {
      failure = error.message;
    });
    this.#socket.on("message", (data: Buffer, isBinary: boolean) => this.#message(data, isBinary));
    this.#socket.on("close", (code, reason) => {
      this.#stopSending();
      if (!opened) {
        const refused = httpStatus !== null;
        const slow = failure.includes("timed out");
        events.refused(
          refused ? 31920 : slow ? 31901 : 31902,
          httpStatus,
          refused ? "not 101" : failure,
        );
        return;
      }
      this.closedAtMs = options.clock.nowMs();
      this.playout.stop(this.closedAtMs);
      events.closed(this.#endedBy ?? "relay", code, reason.toString());
    });
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Since `start`. */
  get elapsedMs(): number {
    return this.startedAtMs === null ? 0 : this.#options.clock.nowMs() - this.startedAtMs;
  }

  press(digit: string): void {
    this.#send(
      `{"event":"dtmf","sequenceNumber":"${++this.#sequence}","streamSid":"${this.fields.streamSid}",` +
        `"dtmf":{"track":"inbound_track","digit":"${digit}"}}`,
    );
  }

  /** Twilio's end: `stop`, then the socket closes. Idempotent. */
  stop(): void {
    if (this.#endedBy !== null) return;
    this.#endedBy = "twilio";
    const { ending } = this.#options.quirks;
    this.#stopSending();
    if (this.startedAtMs !== null && ending !== "close_without_stop")
      this.#send(
        `{"event":"stop","sequenceNumber":"${++this.#sequence}","streamSid":"${this.fields.streamSid}",` +
          `"stop":{"accountSid":"${this.fields.accountSid}","callSid":"${this.fields.callSid}"}}`,
      );
    if (ending !== "stop_without_close") this.#socket.close(1000);
  }

  /** The socket is gone without a word. */
  destroy(): void {
    this.#endedBy ??= "twilio";
    this.#socket.terminate();
  }

  /** Any text, as it is: for tests of the relay's parser. */
  sendRaw(text: string): void {
    this.#send(text);
  }

  #opened(): void {
    const { startDelayMs = 0 } = this.#options.quirks;
    this.#send('{"event":"connected","protocol":"Call","version":"1.0.0"}');
    if (startDelayMs === null) return;
    if (startDelayMs === 0) this.#start();
    else this.#options.clock.after(startDelayMs, () => this.#start());
  }

  #start(): void {
    if (!this.open) return;
    const { streamSid, callSid, accountSid, parameters } = this.fields;
    const start = { accountSid, streamSid, callSid, customParameters: { ...parameters } };
    this.#options.quirks.tamperStart?.(start);
    this.#send(
      JSON.stringify({
        event: "start",
        sequenceNumber: String(++this.#sequence),
        start: {
          accountSid: start.accountSid,
          streamSid,
          callSid: start.callSid,
          tracks: ["inbound"],
          mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
          customParameters: start.customParameters,
        },
        streamSid,
      }),
    );
    this.startedAtMs = this.#options.clock.nowMs();
    this.#events.started();
    this.#leave = this.#options.pacer.join(this);
    const { stallMs } = this.#options.quirks;
    if (stallMs !== undefined) {
      this.#socket.pause();
      this.#options.clock.after(stallMs, () => this.#socket.resume());
    }
  }

  tick(nowMs: number): void {
    const elapsedMs = nowMs - this.startedAtMs!;
    while (this.#position * FRAME_MS <= elapsedMs) this.#sendFrame(nowMs);
    for (const name of this.playout.played(nowMs)) this.#echo(name);
  }

  #sendFrame(nowMs: number): void {
    const { quirks, voice, keepAudio, hooks } = this.#options;
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
    hooks.onFrameSent?.(this, index, nowMs);
    const timestamp = (quirks.firstTimestampMs ?? FRAME_MS) + index * FRAME_MS;
    const payload = frame.toString("base64");
    if (quirks.oddJson === true) {
      this.#send(
        `{ "streamSid": "${this.fields.streamSid}",\n "media": {"payload":"${payload.replaceAll("/", "\\/")}", ` +
          `"newField": {"a": [1, "\\"}"]}, "timestamp":"${timestamp}", "chunk":"${++this.#chunk}","track":"inbound"},` +
          `"sequenceNumber" : "${++this.#sequence}", "event":"media" }`,
      );
      return;
    }
    this.#send(
      `{"event":"media","sequenceNumber":"${++this.#sequence}","media":{"track":"inbound","chunk":"${++this.#chunk}",` +
        `"timestamp":"${timestamp}","payload":"${payload}"},"streamSid":"${this.fields.streamSid}"}`,
    );
  }

  #message(data: Buffer, isBinary: boolean): void {
    // What comes after our stop is not looked at any more.
    if (this.#endedBy !== null) return;
    if (isBinary) {
      this.#refuse("a binary frame");
      return;
    }
    const text = data.toString("latin1");
    const head = this.#mediaHead;
    if (head !== null && text.startsWith(head) && text.endsWith(this.#mediaTail)) {
      const payload = text.slice(head.length, text.length - this.#mediaTail.length);
      const audio = decode(payload);
      if (audio !== null && !isHeader(audio)) {
        this.#media(audio);
        return;
      }
    }
    this.#parse(data.toString(), text);
  }

  #parse(text: string, raw: string): void {
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(text) as Record<string, unknown>;
    } catch {
      this.#refuse("not JSON");
      return;
    }
    if (typeof message !== "object" || message === null) {
      this.#refuse("not a JSON object");
      return;
    }
    const keys = Object.keys(message).sort().join();
    if (message["streamSid"] !== this.fields.streamSid) {
      this.#refuse(`${String(message["event"])} for streamSid ${String(message["streamSid"])}`);
      return;
    }
    const nowMs = this.#options.clock.nowMs();
    switch (message["event"]) {
      case "media": {
        const payload = onlyText(message["media"], "payload");
        const audio = payload === null ? null : decode(payload);
        if (keys !== MEDIA_KEYS || payload === null || audio === null)
          this.#refuse("media of a wrong shape");
        else if (isHeader(audio)) this.#refuse("media that begins with a file header");
        else {
          const at = raw.indexOf(payload);
          this.#mediaHead = raw.slice(0, at);
          this.#mediaTail = raw.slice(at + payload.length);
          this.#media(audio);
        }
        return;
      }
      case "mark": {
        const name = onlyText(message["mark"], "name");
        if (keys !== MARK_KEYS || name === null) {
          this.#refuse("mark of a wrong shape");
          return;
        }
        this.marks.received++;
        for (const played of this.playout.played(nowMs)) this.#echo(played);
        const empty = this.playout.mark(name, nowMs);
        this.#events.mark(name, false);
        if (empty) this.#echo(name);
        return;
      }
      case "clear": {
        if (keys !== CLEAR_KEYS) {
          this.#refuse("clear of a wrong shape");
          return;
        }
        this.#options.hooks.onClear?.(this, nowMs);
        for (const played of this.playout.played(nowMs)) this.#echo(played);
        const pending = this.playout.clear(nowMs);
        this.#events.cleared((this.playout.clears.at(-1)?.droppedBytes ?? 0) / 8);
        for (const name of pending) this.#echo(name);
        return;
      }
      default:
        this.#refuse(`event ${JSON.stringify(message["event"])}`);
    }
  }

  #media(audio: Buffer): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.mediaMessages++ === 0) this.#events.firstMedia();
    if (this.startedAtMs === null) this.#events.violation("media before start was sent");
    this.playout.media(audio, nowMs);
    this.identity?.push(audio, nowMs);
    this.#options.hooks.onMedia?.(this, audio, nowMs);
  }

  #echo(name: string): void {
    this.marks.echoed++;
    this.#send(
      `{"event":"mark","sequenceNumber":"${++this.#sequence}","streamSid":"${this.fields.streamSid}",` +
        `"mark":${JSON.stringify({ name })}}`,
    );
    this.#events.mark(name, true);
  }

  /** 31924: the socket dies. */
  #refuse(what: string): void {
    this.#events.violation(`31924: ${what}`);
    this.#endedBy = "twilio";
    this.#stopSending();
    this.#socket.terminate();
  }

  #send(text: string): void {
    if (this.open) this.#socket.send(text);
  }

  #stopSending(): void {
    this.#leave?.();
    this.#leave = null;
  }
}

/** Canonical base64 of at least one byte, or null. */
function decode(payload: string): Buffer | null {
  const bytes = Buffer.from(payload, "base64");
  const padding = payload.endsWith("==") ? 2 : payload.endsWith("=") ? 1 : 0;
  const whole = payload.length % 4 === 0 && bytes.length === (payload.length / 4) * 3 - padding;
  return whole && bytes.length > 0 && !payload.includes("-") && !payload.includes("_")
    ? bytes
    : null;
}

function isHeader(audio: Buffer): boolean {
  return (
    audio.length >= 4 &&
    (audio.readUInt32BE(0) === 0x52494646 || audio.readUInt32BE(0) === 0x2e736e64)
  );
}

/** The text under `key` of an object that has nothing else. */
function onlyText(value: unknown, key: string): string | null {
  if (typeof value !== "object" || value === null) return null;
  const fields = Object.entries(value);
  const text: unknown = fields[0]?.[1];
  return fields.length === 1 && fields[0]![0] === key && typeof text === "string" ? text : null;
}
