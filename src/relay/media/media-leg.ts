import { RelayError } from "../../domain/errors.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Metrics } from "../../ports/metrics.js";
import type { MediaReceiver, MediaSocket } from "../../ports/sockets.js";
import {
  MarkScan,
  MediaScan,
  parseTwilioMessage,
  scanMark,
  scanMedia,
  type TwilioStart,
} from "../../wire/twilio-media.js";
import { readMarkName, TwilioWriter } from "../../wire/twilio-writer.js";

/** Where the caller's audio goes. Frame bytes are valid only until the method returns. */
export interface FrameSink {
  /**
   * One frame of the caller, stamped `timestampMs`: base64 at `message[start, end)`, the same as
   * mu-law in `ulaw[0, bytes)`.
   *
   * @returns when it arrived, on the call's clock.
   */
  callerFrame(
    message: Uint8Array,
    start: number,
    end: number,
    timestampMs: number,
    ulaw: Uint8Array,
    bytes: number,
  ): number;
  /** What the caller hears, of a stream that copies it. */
  heardFrame?(ulaw: Uint8Array): void;
}

/** What the leg tells its call beside audio. */
export interface MediaLegEvents {
  /** A frame has been dealt with: it drives playout, as a clock does. */
  frameTick(arrivedMs: number): void;
  key(digit: string): void;
  markEchoed(generation: number, position: number): void;
  /** Once, last. `clean`: Twilio said `stop`, or we closed. */
  streamEnded(clean: boolean): void;
}

/** What a stream is bound to. */
export interface LegOwner {
  readonly frames: FrameSink;
  readonly events: MediaLegEvents;
  /** The call's own. */
  readonly log: Log;
}

/** Brings a stream to the process that it belongs to, message by message. */
export interface StreamCarrier {
  /** Once, first. */
  begin(leg: CarriedLeg): void;
  /** Valid only until this returns. */
  message(message: Uint8Array): void;
  /** Once, last: the stream is over here. */
  closed(): void;
}

export interface CarriedLeg {
  /** What that process says to the phone. */
  toPhone(message: Uint8Array): void;
  /** Idempotent. */
  end(code: number, reason: string): void;
}

/** Sees what passes, as it passes. */
export interface LegRecorder {
  /** Runs `handle` before it returns. */
  phoneSaid(message: Uint8Array, handle: () => void): void;
  phoneClosed(code: number): void;
  toPhone(message: Uint8Array): void;
  closesPhone(code: number): void;
}

/**
 * Decides which call a stream belongs to. Null: refused (and counted); the socket is closed with
 * 1008, and with 1011 when a promise rejects. While it is open, what the stream says waits.
 */
export type StreamClaim = (start: TwilioStart, leg: MediaLeg) => Claimed | Promise<Claimed>;

export type Claimed = LegOwner | StreamCarrier | null;

// A message is dealt with before the next, so all legs share them. Twilio writes the media messages
// of all streams alike, so they share the layout that is learnt, too: it stays in the cache.
const scan = new MediaScan();
const echo = new MarkScan();

/** From the upgrade: a stream whose `start` has not come by then is cut. */
const START_PATIENCE_MS = 10_000;
/** 10 s of media: more than any claim takes. Beyond, the newest is dropped. */
const HELD_MOST = 500;

/**
 * The Twilio side of one call, from upgrade to close: Media Streams messages in, audio, marks and
 * clears out. Nothing of a stream is believed before its `start` has been claimed.
 */
export class MediaLeg implements MediaReceiver {
  readonly #socket: MediaSocket;
  readonly #claim: StreamClaim;
  readonly #metrics: Metrics;
  #log: Log;
  #startTimer: Timer | null;
  #frames: FrameSink | null = null;
  #events: MediaLegEvents | null = null;
  #writer: TwilioWriter | null = null;
  /** Null: the stream belongs to this process. */
  #carrier: StreamCarrier | null = null;
  /** What came while the claim was open; null: it is not. */
  #held: Uint8Array[] | null = null;
  #ended = false;
  #recorder: LegRecorder | null = null;

  constructor(
    socket: MediaSocket,
    claim: StreamClaim,
    deps: { clock: Clock; metrics: Metrics; log: Log },
  ) {
    this.#socket = socket;
    this.#claim = claim;
    this.#metrics = deps.metrics;
    this.#log = deps.log;
    this.#startTimer = deps.clock.after(START_PATIENCE_MS, () => {
      this.#metrics.authFailures.add(1, "media", "missing");
      this.#end(1008, "no start");
    });
  }

  get log(): Log {
    return this.#log;
  }

  get isOver(): boolean {
    return this.#ended;
  }

  // --- from Twilio -------------------------------------------------------------------------------

  message(message: Uint8Array): void {
    if (this.#ended) return;
    if (this.#held !== null) {
      // The edge reuses the memory behind the message.
      if (this.#held.length < HELD_MOST) this.#held.push(message.slice());
      return;
    }
    if (this.#carrier !== null) this.#carrier.message(message);
    else if (this.#recorder === null) this.#handle(message);
    else this.#recorded(message, this.#recorder);
  }

  /** Apart, because a function that holds a closure takes memory whenever it is called. */
  #recorded(message: Uint8Array, recorder: LegRecorder): void {
    recorder.phoneSaid(message, () => this.#handle(message));
  }

  #handle(message: Uint8Array): void {
    if (this.#frames !== null && scanMedia(message, scan)) {
      const arrivedMs = this.#frames.callerFrame(
        message,
        scan.payloadStart,
        scan.payloadEnd,
        scan.timestampMs,
        scan.audio,
        scan.audioBytes,
      );
      this.#events?.frameTick(arrivedMs);
      return;
    }
    if (this.#events !== null && scanMark(message, echo)) {
      this.#events.markEchoed(echo.generation, echo.position);
      return;
    }
    try {
      this.#slow(message);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      this.#log.warn("media: message refused", { code: error.code }, error);
      // Before the start the peer is unknown; afterwards one bad message is no reason to drop a
      // caller.
      if (this.#events === null) this.#end(1008, "bad message");
    }
  }

  #slow(bytes: Uint8Array): void {
    const message = parseTwilioMessage(bytes);
    switch (message.event) {
      case "connected":
        return;
      case "start":
        if (this.#events === null) this.#started(message, bytes);
        return;
      case "media": {
        if (this.#frames === null) return;
        if (message.track !== "inbound") {
          if (message.track === "outbound")
            this.#frames.heardFrame?.(Buffer.from(message.payload, "base64"));
          return;
        }
        const base64 = new TextEncoder().encode(message.payload);
        const ulaw = Buffer.from(message.payload, "base64");
        const { length } = base64;
        const { timestampMs } = message;
        const bytes = ulaw.length;
        const arrivedMs = this.#frames.callerFrame(base64, 0, length, timestampMs, ulaw, bytes);
        this.#events?.frameTick(arrivedMs);
        return;
      }
      case "dtmf":
        this.#events?.key(message.digit);
        return;
      case "mark": {
        const mark = readMarkName(message.name);
        if (mark !== null) this.#events?.markEchoed(mark.generation, mark.position);
        return;
      }
      case "stop":
        this.#end(1000, "stop", true);
        return;
      case "unknown":
        this.#metrics.unknownMessages.add(1, "media");
        return;
    }
  }

  #started(start: TwilioStart, bytes: Uint8Array): void {
    this.#startTimer?.cancel();
    this.#startTimer = null;
    this.#writer = new TwilioWriter(start.streamSid);
    const claimed = this.#claim(start, this);
    if (!(claimed instanceof Promise)) {
      this.#claimed(claimed, bytes);
      return;
    }
    // Another process has to see it, too.
    const first = bytes.slice();
    this.#held = [];
    claimed.then(
      (owner) => {
        const held = this.#held ?? [];
        this.#held = null;
        this.#claimed(owner, first);
        for (const message of held) this.message(message);
      },
      (error: unknown) => {
        // What another process says of the call may be of another release. Twilio asks what follows.
        this.#log.error("media: stream not taken", { code: "internal" }, error);
        this.#held = null;
        this.#end(1011, "not taken");
      },
    );
  }

  #claimed(owner: Claimed, start: Uint8Array): void {
    if (owner === null) this.#end(1008, "refused");
    else if (!("events" in owner)) this.#carry(owner, start);
    // The socket went while the claim was open.
    else if (this.#ended) owner.events.streamEnded(false);
    else {
      this.#frames = owner.frames;
      this.#events = owner.events;
      this.#log = owner.log;
    }
  }

  #carry(carrier: StreamCarrier, start: Uint8Array): void {
    if (this.#ended) {
      carrier.closed();
      return;
    }
    this.#carrier = carrier;
    carrier.begin({
      toPhone: (message) => void this.#socket.send(message),
      end: (code, reason) => this.#end(code, reason),
    });
    carrier.message(start);
  }

  closed(code: number): void {
    if (this.#ended) return;
    this.#recorder?.phoneClosed(code);
    this.#finish(false);
  }

  /** What is said on this leg from now on goes on record. */
  record(recorder: LegRecorder): void {
    this.#recorder = recorder;
  }

  // --- to Twilio ---------------------------------------------------------------------------------

  media(ulaw: Uint8Array, start: number, end: number): boolean {
    if (this.#ended || this.#writer === null) return false;
    return this.#send(this.#writer.media(ulaw, start, end));
  }

  mark(generation: number, position: number): void {
    if (this.#ended || this.#writer === null) return;
    this.#send(this.#writer.mark(generation, position));
  }

  clear(): void {
    if (this.#ended || this.#writer === null) return;
    this.#send(this.#writer.clear());
  }

  #send(message: Uint8Array): boolean {
    this.#recorder?.toPhone(message);
    return this.#socket.send(message);
  }

  /** Runs `write` so that what it sends leaves in one system call. */
  cork(write: () => void): void {
    if (this.#ended) write();
    else this.#socket.cork(write);
  }

  /** Our end of the stream: Twilio asks `connect-ended` next. Idempotent. */
  close(): void {
    this.#end(1000, "done", true);
  }

  /**
   * The stream is over for Twilio, not by its `stop`: told as broken, once, whenever the socket
   * follows. Idempotent.
   */
  drop(): void {
    this.#end(1000, "over");
  }

  #end(code: number, reason: string, clean = false): void {
    if (this.#ended) return;
    this.#recorder?.closesPhone(code);
    this.#finish(clean);
    this.#socket.close(code, reason);
  }

  #finish(clean: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#startTimer?.cancel();
    this.#startTimer = null;
    this.#events?.streamEnded(clean);
    this.#carrier?.closed();
    this.#carrier = null;
    this.#events = null;
    this.#frames = null;
  }
}
