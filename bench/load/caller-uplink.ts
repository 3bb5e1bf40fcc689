import type { Random } from "../random.js";
import { MediaWriter } from "./media-writer.js";
import type { Meters } from "./meters.js";
import type { Scenario } from "./scenario.js";
import { BODIES, decode, FRAME_BYTES, FRAME_CHARS, SILENT } from "./stamped-audio.js";
import { StreamChecker } from "./stream-checker.js";
import { TICK_MS } from "./wheel.js";

/** Delivery times are kept for so many frames: 20 s in flight. */
const REMEMBERED_FRAMES = 1024;
/** The last second of a call may be dropped with it: it would not be answered any more. */
const TAIL_FRAMES = 50;
/** The stream has no gaps in its first second. */
const GAPS_FROM_FRAME = 50;

/** What the caller's phone sends, and what of it reaches the model. */
export class CallerUplink {
  /** Frames sent so far; the next one has this number. */
  frames = 0;
  readonly #id: number;
  readonly #streamSid: string;
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #meters: Meters;
  readonly #writer: MediaWriter;
  readonly #deliveredMs = new Float64Array(REMEMBERED_FRAMES);
  readonly #checker: StreamChecker;
  #sequenceNumber = 1;
  #chunk = 0;
  #timestampMs = 0;
  #gapTicks = 0;
  /** Frames before this one may have waited for the model's session. */
  #steadyFromSeq = Number.POSITIVE_INFINITY;
  #finished = false;
  /** The last frame of speech that reached the model, and when. */
  #loudSeq = Number.NEGATIVE_INFINITY;
  #loudMs = 0;

  constructor(
    id: number,
    streamSid: string,
    parts: { readonly scenario: Scenario; readonly random: Random; readonly meters: Meters },
  ) {
    this.#id = id;
    this.#streamSid = streamSid;
    this.#scenario = parts.scenario;
    this.#random = parts.random;
    this.#meters = parts.meters;
    this.#writer = new MediaWriter(streamSid, id);
    this.#checker = new StreamChecker(parts.meters.up, {
      frame: (seq, body) => this.#arrived(seq, body),
      adopt: () => false,
      frameBytes: () => FRAME_BYTES,
    });
    this.#checker.follow(id, 0);
  }

  /** `start` or `stop`, as Twilio writes them. */
  event(name: string, fields: Readonly<Record<string, unknown>>): string {
    return JSON.stringify({
      event: name,
      sequenceNumber: String(this.#sequenceNumber++),
      ...fields,
      streamSid: this.#streamSid,
    });
  }

  /** The echo of a mark. */
  echo(name: string): string {
    return `{"event":"mark","sequenceNumber":"${this.#sequenceNumber++}","streamSid":"${this.#streamSid}","mark":{"name":${JSON.stringify(name)}}}`;
  }

  /** The next frame as a `media` message, valid until the next call. Null: the network lost it. */
  next(talking: boolean): Buffer | null {
    const { gapsPerMinute, gapMs } = this.#scenario.caller;
    this.#timestampMs += TICK_MS;
    if (this.#gapTicks > 0) {
      this.#gapTicks--;
      this.#meters.gapBytes += FRAME_BYTES;
      return null;
    }
    if (
      gapsPerMinute > 0 &&
      this.frames > GAPS_FROM_FRAME &&
      this.#random.chance((gapsPerMinute * TICK_MS) / 60_000)
    ) {
      this.#gapTicks = Math.round(this.#random.within(gapMs) / TICK_MS);
    }
    const seq = this.frames++;
    const body = talking ? 1 + ((seq >> 3) % (BODIES - 1)) : SILENT;
    this.#meters.framesSent++;
    return this.#writer.media(this.#sequenceNumber++, ++this.#chunk, this.#timestampMs, seq, body);
  }

  /** The last message is still being sent: the next one is built elsewhere. */
  giveAway(): void {
    this.#writer.giveAway();
  }

  /** Frame `seq` has reached the relay's end of the network. */
  delivered(seq: number, atMs: number): void {
    if (seq >= 0) this.#deliveredMs[seq % REMEMBERED_FRAMES] = atMs;
  }

  /** The model's session takes part from now on. */
  steady(): void {
    this.#steadyFromSeq = this.frames;
  }

  /** Caller audio that reached the model, base64 in `message[start, end)`. */
  reachedModel(message: Buffer, start: number, end: number): void {
    if (end - start === FRAME_CHARS && this.#checker.pushFrameText(message, start)) return;
    const audio = decode(message, start, end);
    this.#checker.push(audio.bytes, 0, audio.length);
  }

  #arrived(seq: number, body: number): void {
    if (seq < this.#steadyFromSeq || this.frames - seq >= REMEMBERED_FRAMES) return;
    const ms = performance.now() - this.#deliveredMs[seq % REMEMBERED_FRAMES]!;
    if (body === SILENT) this.#meters.uplinkIdle.record(ms);
    else {
      this.#meters.uplink.record(ms);
      this.#meters.recentUplink.record(ms);
      this.#meters.scraper?.uplink.record(ms);
      this.#besideListeners(seq, ms);
    }
  }

  /** The call that is listened to does not count. */
  #besideListeners(seq: number, ms: number): void {
    const { listened } = this.#meters;
    if (listened === null || listened.callId === this.#id) return;
    const nowMs = performance.now();
    listened.arrived(ms, seq === this.#loudSeq + 1 ? nowMs - this.#loudMs : null);
    this.#loudSeq = seq;
    this.#loudMs = nowMs;
  }

  /** Nothing more can reach the model: what did not is lost. Idempotent. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#checker.end(Math.max(0, this.frames - TAIL_FRAMES));
    this.#meters.framesCutOff += this.frames - this.#checker.next;
  }
}
