import { modelAudio } from "../../codec/audio-core.js";
import { decodeBase64 } from "../../codec/base64.js";
import { BYTES_PER_MS, FRAME_BYTES, msToBytes } from "../../codec/frame.js";
import { ULAW_SILENCE } from "../../codec/ulaw.js";
import type { ItemId, ResponseId } from "../../domain/ids.js";
import type { BlockPool } from "../../playout/block-pool.js";
import { GAP_LIMIT_MS, GapFiller } from "../../playout/gap-filler.js";
import { PLAYOUT_LIMIT_BYTES, Playout, type PlayoutSink } from "../../playout/playout.js";
import type { PlaybackReport } from "../../playout/playout-ledger.js";
import { UplinkBacklog } from "../../playout/uplink-backlog.js";
import { UplinkJoiner } from "../../playout/uplink-joiner.js";
import type { Clock } from "../../ports/clock.js";
import type { Metrics } from "../../ports/metrics.js";
import { CallerVad } from "../../vad/caller-vad.js";
import type { Endpoint } from "../../vad/endpointer.js";
import type { ModelSession, SpeechItem } from "../model/model-session.js";
import type { AudioTap } from "./call-listeners.js";
import type { CallerAudioSink, MediaLeg } from "./media-leg.js";

export interface AudioPathEvents {
  /** The first audio of an item leaves for the caller. */
  speechBegan(itemId: ItemId): void;
  /** The first audio of an item has come from the model. */
  audioArrived(): void;
  /** Local VAD finds that the caller starts or stops speaking, before the model says so. */
  callerHeard(endpoint: Endpoint, nowMs: number): void;
}

export interface AudioPathDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly leadMs: number;
  /** Caller audio per append while either side talks, in ms. */
  readonly uplinkPtimeMs: number;
  /** The same while the caller is certainly silent. Equal to `uplinkPtimeMs`: nothing is joined. */
  readonly uplinkIdlePtimeMs: number;
}

/** Prefix of the relay's own items. The model's begin with `item_`. */
const LOCAL = "local:";

export function isLocal(itemId: ItemId): boolean {
  return itemId.startsWith(LOCAL);
}

/** Longest round trip for which the echo gate remembers what the phone still has to play. */
const MAX_ROUND_TRIP_MS = 1_000;

/** The most audio of a supervisor that may wait here, beyond what the phone holds. */
const MAX_VOICE_BYTES = msToBytes(300);

const SILENCE = new Uint8Array(msToBytes(GAP_LIMIT_MS)).fill(ULAW_SILENCE);

/**
 * The model's audio is decoded through one buffer for all calls: a message is handled to its end
 * before the next.
 */
const scratch = modelAudio;
/** Base64 characters that fill the scratch; a multiple of four. */
const SCRATCH_CHARS = (scratch.length / 3) * 4;

/**
 * The audio of one call, both ways. Frames go from socket to socket in the turn that brought them;
 * nothing here allocates per frame, logs or waits.
 */
export class AudioPath implements PlayoutSink, CallerAudioSink {
  // What every caller frame needs comes first, in two lines of the processor's cache.
  /** Null: no operator listens. */
  #tap: AudioTap | null = null;
  #gaps = new GapFiller();
  #session: ModelSession | null = null;
  readonly vad: CallerVad;
  /**
   * The model has heard the caller's turn begin. To find its end, it gets each frame at once.
   */
  #modelHears = false;
  readonly #ptimeBytes: number;
  readonly #idlePtimeBytes: number;
  readonly #joiner: UplinkJoiner;
  /** Caller audio of the present session in bytes, with frames that wait: the session's clock. */
  #appendedBytes = 0;
  readonly playout: Playout;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #events: AudioPathEvents;
  readonly #backlog = new UplinkBacklog();
  #leg: MediaLeg | null = null;
  /** The session that the appended bytes belong to. */
  #listening: ModelSession | null = null;
  #joinedSinceMs = 0;
  #localItems = 0;
  /** The item whose audio came last. */
  #arrivedItem: ItemId | null = null;
  #isMuted = false;
  #pumpMs = 0;
  readonly #pump = (): void => this.playout.pump(this.#pumpMs);

  constructor(pool: BlockPool, events: AudioPathEvents, deps: AudioPathDeps) {
    this.#clock = deps.clock;
    this.#metrics = deps.metrics;
    this.#events = events;
    this.#ptimeBytes = msToBytes(deps.uplinkPtimeMs);
    this.#idlePtimeBytes = msToBytes(deps.uplinkIdlePtimeMs);
    this.vad = new CallerVad(deps.leadMs + MAX_ROUND_TRIP_MS);
    this.#joiner = new UplinkJoiner(this.#idlePtimeBytes + FRAME_BYTES);
    this.playout = new Playout(pool, this, {
      leadMs: deps.leadMs,
      limitBytes: PLAYOUT_LIMIT_BYTES,
    });
  }

  /** A stream of the caller begins, and with it a new clock of timestamps. */
  connectLeg(leg: MediaLeg): void {
    this.#leg = leg;
    this.#gaps = new GapFiller();
    this.vad.reset();
  }

  disconnectLeg(): void {
    this.#leg = null;
    if (this.#session !== null) this.#flush(this.#session);
  }

  /** The session hears the caller from now on, beginning with the audio that waited. */
  connectSession(session: ModelSession): void {
    if (this.#isMuted) return;
    this.#session = session;
    this.#listening = session;
    this.#appendedBytes = 0;
    this.#modelHears = false;
    this.#backlog.drain((ulaw) => this.#append(session, ulaw, 0, ulaw.length));
  }

  /** What the caller says from now on is kept for the next session. */
  disconnectSession(): void {
    this.#session = null;
    if (this.#joiner.length === 0) return;
    this.#keep(this.#joiner.bytes, 0, this.#joiner.length);
    this.#joiner.clear();
  }

  /** The model says that the caller's turn began or ended. */
  modelHears(speech: boolean): void {
    this.#modelHears = speech;
  }

  /** Copies all audio that passes to this tap; null: to none. */
  tap(tap: AudioTap | null): void {
    this.#tap = tap;
  }

  /** Drops caller audio that was kept for a session. */
  dropBacklog(): void {
    this.#backlog.clear();
  }

  /** From now on the model's audio is dropped, and the model hears nothing. */
  mute(): void {
    this.#isMuted = true;
    this.#session = null;
    // The frames that wait were counted, and will not be sent.
    this.#appendedBytes -= this.#joiner.length;
    this.#joiner.clear();
    this.dropBacklog();
  }

  /** The model is back: the session hears the caller again, from now on. */
  unmute(session: ModelSession | null): void {
    this.#isMuted = false;
    if (session === null) return;
    const isAnother = session !== this.#listening;
    if (isAnother) this.connectSession(session);
    else this.#session = session;
    this.#modelHears = false;
  }

  /** When, on the call's clock, the session's audio reached `audioMs`. */
  sessionTimeMs(audioMs: number): number {
    return this.#clock.nowMs() - Math.max(0, this.#appendedBytes / BYTES_PER_MS - audioMs);
  }

  // --- caller → model ----------------------------------------------------------------------------

  /**
   * Takes the audio of one message: canonical base64 in `message[start, end)`, and the same audio
   * as mu-law in `ulaw[0, bytes)`.
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
  ): number {
    const arrivedMs = this.#clock.nowMs();
    if (bytes === 0) return arrivedMs;
    if (this.#tap !== null) this.#tap.caller(ulaw, 0, bytes);
    const missing = this.#gaps.frame(timestampMs, bytes);
    const session = this.#session;
    if (missing > 0) {
      this.#metrics.uplinkGaps.add(1);
      if (session === null) this.#keep(SILENCE, 0, missing);
      else {
        this.#flush(session);
        this.#append(session, SILENCE, 0, missing);
      }
    }
    const heard = this.vad.hear(ulaw, 0, bytes, arrivedMs);
    // First stop the agent, if the caller has begun to speak.
    if (heard !== null) this.#events.callerHeard(heard, arrivedMs);
    if (session === null) this.#keep(ulaw, 0, bytes);
    else this.#uplink(session, message, start, end, ulaw, bytes, arrivedMs);
    // The caller's frames drive playout too, so all writes of this turn leave together.
    this.playout.pump(arrivedMs);
    return arrivedMs;
  }

  /**
   * Sends the audio of one message to the model: at once and unchanged, or joined with its
   * neighbours while the line is silent (promise U2).
   */
  #uplink(
    session: ModelSession,
    message: Uint8Array,
    start: number,
    end: number,
    ulaw: Uint8Array,
    bytes: number,
    arrivedMs: number,
  ): void {
    const idle = !this.#modelHears && this.vad.certainlySilent;
    const wanted = idle ? this.#idlePtimeBytes : this.#ptimeBytes;
    const waiting = this.#joiner.length;
    if ((waiting === 0 && bytes >= wanted) || !this.#joiner.push(ulaw, 0, bytes)) {
      this.#flush(session);
      session.append(message, start, end);
      this.#appendedBytes += bytes;
      this.#metrics.frameTransit.observe((this.#clock.nowMs() - arrivedMs) / 1000, "uplink");
      return;
    }
    this.#appendedBytes += bytes;
    if (waiting === 0) this.#joinedSinceMs = arrivedMs;
    if (this.#joiner.length < wanted) return;
    this.#flush(session);
    // Joined frames of a silent line are not late. Only the frame that ends the wait is measured,
    // because only its delay could be noticed.
    this.#metrics.frameTransit.observe((this.#clock.nowMs() - arrivedMs) / 1000, "uplink");
  }

  #flush(session: ModelSession): void {
    if (this.#joiner.length === 0) return;
    session.appendUlaw(this.#joiner.bytes, 0, this.#joiner.length);
    this.#joiner.clear();
  }

  #append(session: ModelSession, ulaw: Uint8Array, start: number, end: number): void {
    session.appendUlaw(ulaw, start, end);
    this.#appendedBytes += end - start;
  }

  #keep(ulaw: Uint8Array, start: number, end: number): void {
    if (this.#isMuted) return;
    const before = this.#backlog.droppedBytes;
    this.#backlog.push(ulaw, start, end);
    const dropped = this.#backlog.droppedBytes - before;
    if (dropped > 0) this.#metrics.uplinkDropped.add(Math.ceil(dropped / FRAME_BYTES));
  }

  // --- model → caller ----------------------------------------------------------------------------

  modelAudio(item: SpeechItem, base64: Uint8Array, start: number, end: number): void {
    if (this.#isMuted) return;
    const nowMs = this.#clock.nowMs();
    if (item.itemId !== this.#arrivedItem) {
      this.#arrivedItem = item.itemId;
      this.#events.audioArrived();
    }
    const nothingWaited = this.playout.waitingBytes === 0;
    for (let at = start; at < end; at += SCRATCH_CHARS) {
      const stop = Math.min(end, at + SCRATCH_CHARS);
      let bytes = decodeBase64(base64, at, stop, scratch, 0);
      // Not canonical base64. A lenient decoder may still read it, and losing audio is worse.
      if (bytes < 0) bytes = lenient(base64, at, stop);
      if (!this.playout.push(item.itemId, item.responseId, item.contentIndex, scratch, 0, bytes)) {
        this.#metrics.downlinkDropped.add(Math.ceil(bytes / FRAME_BYTES));
      }
    }
    this.pump(nowMs);
    if (nothingWaited)
      this.#metrics.frameTransit.observe((this.#clock.nowMs() - nowMs) / 1000, "downlink");
  }

  /** Plays a sound of the relay after what waits. The model does not know of it. */
  playLocal(ulaw: Uint8Array): void {
    const itemId = `${LOCAL}${++this.#localItems}` as ItemId;
    this.playout.push(itemId, LOCAL as ResponseId, 0, ulaw, 0, ulaw.length);
    this.playout.complete(itemId, this.#clock.nowMs());
  }

  /**
   * Plays a supervisor's voice in place of the model's. Audio that a slow connection has held up is
   * dropped beyond MAX_VOICE_BYTES, because it would delay everything after it.
   */
  playVoice(ulaw: Uint8Array): void {
    if (this.playout.waitingBytes > MAX_VOICE_BYTES) return;
    this.playLocal(ulaw);
    this.pump(this.#clock.nowMs());
  }

  /** Does what is due by time alone. Called by the ticker while no caller frames come. */
  tick(nowMs: number): void {
    this.pump(nowMs);
    // The stream stopped while frames were being joined. They must not wait for the next one.
    if (this.#joiner.length === 0 || this.#session === null) return;
    if ((nowMs - this.#joinedSinceMs) * BYTES_PER_MS >= this.#idlePtimeBytes + FRAME_BYTES)
      this.#flush(this.#session);
  }

  /** Sends what is due, in one system call. */
  pump(nowMs: number): void {
    // Without a leg the audio goes on waiting: the caller may come back.
    if (this.#leg === null) return;
    if (!this.playout.due(nowMs)) {
      if (this.playout.waitingBytes === 0) this.playout.pump(nowMs);
      return;
    }
    this.#pumpMs = nowMs;
    this.#leg.cork(this.#pump);
  }

  /** See Playout.interrupt. */
  interrupt(nowMs: number): PlaybackReport[] | null {
    return this.playout.interrupt(nowMs);
  }

  media(ulaw: Uint8Array, start: number, end: number, echoesFromMs: number): boolean {
    this.vad.played(ulaw, start, end, echoesFromMs);
    const isSent = this.#leg?.media(ulaw, start, end) ?? false;
    if (isSent && this.#tap !== null) this.#tap.agent(ulaw, start, end);
    return isSent;
  }

  mark(generation: number, position: number): void {
    this.#leg?.mark(generation, position);
  }

  clear(): void {
    this.#leg?.clear();
    if (this.#tap !== null) this.#tap.cleared();
    // Echo may come back until the `clear` has reached the phone and the last echo has returned.
    this.vad.cleared(this.#clock.nowMs() + this.playout.roundTripMs);
  }

  began(itemId: ItemId): void {
    this.#events.speechBegan(itemId);
  }
}

function lenient(base64: Uint8Array, start: number, end: number): number {
  const bytes = Buffer.from(
    Buffer.from(base64.buffer, base64.byteOffset + start, end - start).toString("latin1"),
    "base64",
  );
  scratch.set(bytes.subarray(0, scratch.length));
  return Math.min(bytes.length, scratch.length);
}
