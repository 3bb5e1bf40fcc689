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
import type { FrameSink, MediaLeg } from "./media-leg.js";

export interface AudioPathEvents {
  /** The first audio of an item left for the caller. */
  speechBegan(itemId: ItemId): void;
  /** The first audio of an item came from the model. */
  audioArrived(): void;
  /** Local VAD finds that the caller begins or ends to speak, before the model says so. */
  callerHeard(endpoint: Endpoint, nowMs: number): void;
}

export interface AudioPathDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly leadMs: number;
  /** Caller audio per append while either side talks, in ms. */
  readonly uplinkPtimeMs: number;
  /** The same while it is certain that the caller is silent. Equal: never joined. */
  readonly uplinkIdlePtimeMs: number;
}

/** Items that begin so are ours. The model's are `item_…`. */
const LOCAL = "local:";

export function isLocal(itemId: ItemId): boolean {
  return itemId.startsWith(LOCAL);
}

/** What is sent to the phone is announced to voice detection for a round trip after the lead. */
const MOST_ROUND_TRIP_MS = 1_000;

/** A supervisor's audio that may wait behind the phone's own buffer. */
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
export class AudioPath implements PlayoutSink, FrameSink {
  readonly playout: Playout;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #events: AudioPathEvents;
  readonly #backlog = new UplinkBacklog();
  readonly #ptimeBytes: number;
  readonly #idlePtimeBytes: number;
  readonly #joiner: UplinkJoiner;
  #gaps = new GapFiller();
  #leg: MediaLeg | null = null;
  /** Null: no operator listens.*/
  #tap: AudioTap | null = null;
  #session: ModelSession | null = null;
  /** The session that the appended bytes belong to. */
  #listening: ModelSession | null = null;
  readonly vad: CallerVad;
  /** Caller audio of the present session, what waits to be joined included, in bytes: its clock. */
  #appendedBytes = 0;
  #joinedSinceMs = 0;
  /**
   * The model is in the middle of a turn of the caller: it needs every frame at once to find its
   * end.
   */
  #modelHears = false;
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
    this.vad = new CallerVad(deps.leadMs + MOST_ROUND_TRIP_MS);
    this.#joiner = new UplinkJoiner(this.#idlePtimeBytes + FRAME_BYTES);
    this.playout = new Playout(pool, this, {
      leadMs: deps.leadMs,
      limitBytes: PLAYOUT_LIMIT_BYTES,
    });
  }

  /** A stream of the caller begins; its clock begins anew. */
  connectLeg(leg: MediaLeg): void {
    this.#leg = leg;
    this.#gaps = new GapFiller();
    this.vad.reset();
  }

  disconnectLeg(): void {
    this.#leg = null;
    if (this.#session !== null) this.#flush(this.#session);
  }

  /** The session hears the caller from now on, what waited first. */
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

  /** All audio that passes goes to the tap, too; null: no more. */
  tap(tap: AudioTap | null): void {
    this.#tap = tap;
  }

  /** What was kept is of no use any more. */
  dropBacklog(): void {
    this.#backlog.clear();
  }

  /** Nothing that the model still sends is played, and it hears nothing. */
  mute(): void {
    this.#isMuted = true;
    this.#session = null;
    // They were counted, and are never sent.
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
   * One message's audio: canonical base64 in `message[start, end)`, the same as mu-law in `ulaw[0,
   * bytes)`.
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
    // What stops the agent goes before everything else.
    if (heard !== null) this.#events.callerHeard(heard, arrivedMs);
    if (session === null) this.#keep(ulaw, 0, bytes);
    else this.#uplink(session, message, start, end, ulaw, bytes, arrivedMs);
    // The caller's own frames drive what they hear: this turn's writes leave together.
    this.playout.pump(arrivedMs);
    return arrivedMs;
  }

  /**
   * One message's audio: as it came at once, or joined with its neighbours while the line is silent
   * (promise U2).
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
    // Frames that waited of a silent line are not late; the one that ends the wait is what a
    // caller could notice.
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
      // Not canonical, but a lenient decoder may still hear it; audio is worth more than form.
      if (bytes < 0) bytes = lenient(base64, at, stop);
      if (!this.playout.push(item.itemId, item.responseId, item.contentIndex, scratch, 0, bytes)) {
        this.#metrics.downlinkDropped.add(Math.ceil(bytes / FRAME_BYTES));
      }
    }
    this.pump(nowMs);
    if (nothingWaited)
      this.#metrics.frameTransit.observe((this.#clock.nowMs() - nowMs) / 1000, "downlink");
  }

  /** Sound of our own, behind what waits. The model knows nothing of it. */
  playLocal(ulaw: Uint8Array): void {
    const itemId = `${LOCAL}${++this.#localItems}` as ItemId;
    this.playout.push(itemId, LOCAL as ResponseId, 0, ulaw, 0, ulaw.length);
    this.playout.complete(itemId, this.#clock.nowMs());
  }

  /**
   * A person's voice in place of the model's, as it comes. What a connection has held up for longer
   * is dropped: it would delay all that follows.
   */
  playVoice(ulaw: Uint8Array): void {
    if (this.playout.waitingBytes > MAX_VOICE_BYTES) return;
    this.playLocal(ulaw);
    this.pump(this.#clock.nowMs());
  }

  /** No frame of the caller came for a while: what became due by time alone. */
  tick(nowMs: number): void {
    this.pump(nowMs);
    // The line went still in the middle of a join; what is here must not wait for its next frame.
    if (this.#joiner.length === 0 || this.#session === null) return;
    if ((nowMs - this.#joinedSinceMs) * BYTES_PER_MS >= this.#idlePtimeBytes + FRAME_BYTES)
      this.#flush(this.#session);
  }

  /** Sends what is due, in one system call. */
  pump(nowMs: number): void {
    // Without a leg what waits keeps waiting: the caller may come back.
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
    // Until the clear has reached the phone and the last audio's echo has come back, echo is to be
    // expected.
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
