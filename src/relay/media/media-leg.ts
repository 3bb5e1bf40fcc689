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
export interface CallerAudioSink {
  /**
   * One frame of the caller, stamped `timestampMs`: base64 in `message[start, end)`, and the same
   * audio as mu-law in `ulaw[0, bytes)`.
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
  /** What the caller hears, from a stream that copies both tracks. */
  heardFrame?(ulaw: Uint8Array): void;
}

/** What a leg reports to its call, apart from audio. */
export interface MediaLegEvents {
  /** A frame has been handled. Frames are the clock that drives playout. */
  frameTick(arrivedMs: number): void;
  key(digit: string): void;
  markEchoed(generation: number, position: number): void;
  /** Once, last. `clean`: Twilio sent `stop`, or the relay closed. */
  streamEnded(clean: boolean): void;
}

/** The events of a stream that only copies or carries audio: of them, only its end matters. */
export function onlyTheEnd(streamEnded: MediaLegEvents["streamEnded"]): MediaLegEvents {
  return {
    frameTick: () => undefined,
    key: () => undefined,
    markEchoed: () => undefined,
    streamEnded,
  };
}

/** What a claimed stream is bound to. */
export interface LegOwner {
  readonly frames: CallerAudioSink;
  readonly events: MediaLegEvents;
  /** The call's own: its lines have `callSid` and `agent`. */
  readonly log: Log;
}

/** Carries a stream, message by message, to the process that owns its call. */
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

/** The flight recorder of a leg: sees each message as it passes. */
export interface LegRecorder {
  /** Runs `handle` before it returns. */
  phoneSaid(message: Uint8Array, handle: () => void): void;
  phoneClosed(code: number): void;
  toPhone(message: Uint8Array): void;
  closesPhone(code: number): void;
}

/**
 * Decides which call a stream belongs to. Null: refused and counted, and the socket is closed with
 * 1008. Messages of the stream wait while a promise is pending; one that rejects closes with 1011.
 */
export type StreamClaim = (start: TwilioStart, leg: MediaLeg) => Claimed | Promise<Claimed>;

export type Claimed = LegOwner | StreamCarrier | null;

// Shared by all legs, because a message is handled to its end before the next. Twilio writes the
// media messages of all streams alike, so the layout that was learnt serves all of them.
const scan = new MediaScan();
const echo = new MarkScan();

/** From the upgrade: a stream whose `start` has not come by then is closed. */
const START_PATIENCE_MS = 10_000;
/** Messages that wait for a claim: 10 s, more than any claim takes. Later ones are dropped. */
const MAX_HELD_MESSAGES = 500;

/**
 * Twilio's side of one call, from the upgrade to the close of one WebSocket: reads Media Streams
 * messages, and writes audio, marks and clears. Ignores audio and keys until the stream's `start`
 * has been claimed with a valid token.
 */
export class MediaLeg implements MediaReceiver {
  // What every message needs comes first, in two lines of the processor's cache.
  #ended = false;
  /** Messages that came while the claim was pending; null: no claim is pending. */
  #held: Uint8Array[] | null = null;
  /** Null: the stream belongs to this process. */
  #carrier: StreamCarrier | null = null;
  #recorder: LegRecorder | null = null;
  #frames: CallerAudioSink | null = null;
  #events: MediaLegEvents | null = null;
  readonly #socket: MediaSocket;
  #writer: TwilioWriter | null = null;
  readonly #claim: StreamClaim;
  readonly #metrics: Metrics;
  #log: Log;
  #startTimer: Timer | null;

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
      // A copy, because the server reuses the memory of the message.
      if (this.#held.length < MAX_HELD_MESSAGES) this.#held.push(message.slice());
      return;
    }
    if (this.#carrier !== null) this.#carrier.message(message);
    else if (this.#recorder === null) this.#handle(message);
    else this.#recorded(message, this.#recorder);
  }

  /** A function of its own, because V8 allocates at each call of a function with a closure. */
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
      // Before its start the peer is unknown. Later, one bad message is no reason to drop a caller.
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
    // A copy, because another process may have to see this message, too.
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
        // Possibly an answer of a process of another release. Twilio will ask what follows.
        this.#log.error("media: stream not taken", { code: "internal" }, error);
        this.#held = null;
        this.#end(1011, "not taken");
      },
    );
  }

  #claimed(owner: Claimed, start: Uint8Array): void {
    if (owner === null) this.#end(1008, "refused");
    else if (!("events" in owner)) this.#carry(owner, start);
    // The socket closed while the claim was pending.
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

  /** From now on the flight recorder sees what passes on this leg. */
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

  /** Ends the stream from our side; Twilio asks `connect-ended` next. Idempotent. */
  close(): void {
    this.#end(1000, "done", true);
  }

  /**
   * Ends a stream that Twilio has already given up, although its socket is still open. It counts as
   * broken, not as a hang-up. Idempotent.
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
