import { BYTES_PER_MS, bytesToMs, FRAME_BYTES, msToBytes } from "../codec/frame.js";
import type { ItemId, ResponseId } from "../domain/ids.js";
import type { BlockPool } from "./block-pool.js";
import { JitterBuffer } from "./jitter-buffer.js";
import { PlaybackClock } from "./playback-clock.js";
import { type LedgerEntry, type PlaybackReport, PlayoutLedger } from "./playout-ledger.js";

/** Where playout puts what it decides: the caller's leg. */
export interface PlayoutSink {
  /**
   * Audio for the caller, now; they will hear it from about `playsAtMs` on. `ulaw` is only valid until this returns.
   * False: the leg cannot take it now.
   */
  media(ulaw: Uint8Array, start: number, end: number, playsAtMs: number): boolean;
  /** A mark behind the last audio: byte `position` of `generation`. */
  mark(generation: number, position: number): void;
  clear(): void;
  /** The first audio of this item leaves now. */
  began(itemId: ItemId): void;
}

export interface PlayoutOptions {
  /** Most audio kept un-played on the caller's side, in ms. */
  readonly leadMs: number;
  /** Most audio that may wait here, in bytes. */
  readonly limitBytes: number;
}

/** Five minutes of one voice. */
export const PLAYOUT_LIMIT_BYTES = msToBytes(5 * 60_000);

/** One message to Twilio holds at most this: three frames. Fewer, larger writes are the largest saving there is. */
const MESSAGE_BYTES = 3 * FRAME_BYTES;
/** While the lead is comfortable, writing waits until so much can leave at once. */
const WORTHWHILE_BYTES = MESSAGE_BYTES;
const WORTHWHILE_MS = WORTHWHILE_BYTES / BYTES_PER_MS;
/** A mark at least this often: between marks the clock is exact, and every echo costs a message. */
const MARK_EVERY_BYTES = msToBytes(240);
/** An echo that is so late will not come; the clock's word is taken instead. */
const ECHO_PATIENCE_MS = 500;

/**
 * The model's speech on its way to the caller: keeps what waits, sends as much as the lead allows, and accounts
 * for what was heard of each item. Knows no socket and no clock; `pump` is called with the time.
 */
export class Playout {
  readonly #sink: PlayoutSink;
  readonly #leadMs: number;
  readonly #buffer: JitterBuffer;
  readonly #ledger = new PlayoutLedger();
  readonly #playhead = new PlaybackClock();
  readonly #scratch = new Uint8Array(MESSAGE_BYTES);
  #markedBytes = 0;
  #held = false;
  #underruns = 0;
  #droppedBytes = 0;
  /** True from the moment an incomplete item ran dry at the caller's ear until its next audio. */
  #dry = false;

  constructor(pool: BlockPool, sink: PlayoutSink, options: PlayoutOptions) {
    this.#sink = sink;
    this.#leadMs = options.leadMs;
    this.#buffer = new JitterBuffer(pool, options.limitBytes);
  }

  /** Gaps heard by the caller because the model was too slow. */
  get underruns(): number {
    return this.#underruns;
  }

  /** Audio refused because five minutes were waiting already. */
  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  get waitingBytes(): number {
    return this.#buffer.length;
  }

  get held(): boolean {
    return this.#held;
  }

  /** Nothing waits, nothing is being played as far as the clock knows. */
  isSilent(nowMs: number): boolean {
    return this.#buffer.length === 0 && this.#playhead.leadMs(nowMs) <= 0;
  }

  leadMs(nowMs: number): number {
    return this.#playhead.leadMs(nowMs);
  }

  /** Audio of an item that has come so far, in ms; 0 for one that has none, or is over. */
  receivedMs(itemId: ItemId): number {
    return bytesToMs(this.#ledger.find(itemId)?.receivedBytes ?? 0);
  }

  /** The items being played or waiting. Read only. */
  get entries(): readonly LedgerEntry[] {
    return this.#ledger.entries;
  }

  /** Audio of an item, decoded. It waits until the next `pump`. Returns false when some of it did not fit. */
  push(
    itemId: ItemId,
    responseId: ResponseId,
    contentIndex: number,
    ulaw: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const last = this.#ledger.last;
    // An item that speaks again after another has begun gets a second account: it is heard in order of arrival.
    const entry =
      last !== undefined && last.itemId === itemId
        ? last
        : this.#ledger.open(itemId, responseId, contentIndex);
    const taken = entry.overflowed ? 0 : this.#buffer.push(ulaw, start, end);
    entry.receivedBytes += taken;
    const refused = end - start - taken;
    if (refused > 0) {
      entry.overflowed = true;
      this.#droppedBytes += refused;
    }
    return refused === 0;
  }

  /** The model has sent all audio of this item. */
  complete(itemId: ItemId, nowMs: number): void {
    const entry = this.#ledger.find(itemId);
    if (entry === undefined) return;
    entry.complete = true;
    this.pump(nowMs);
    if (this.#ledger.nextToSend() === undefined) this.#mark();
  }

  /** Whether a `pump` may send something now: a cheap look that is never wrong about "no". */
  due(nowMs: number): boolean {
    if (this.#held || this.#buffer.length === 0) return false;
    const roomMs = this.#leadMs - this.#playhead.leadMs(nowMs);
    return roomMs >= Math.min(WORTHWHILE_MS, this.#leadMs / 2);
  }

  /** Sends what is due. Called at every tick and whenever audio arrives; does nothing when nothing is due. */
  pump(nowMs: number): void {
    if (this.#held || this.#buffer.length === 0) {
      this.#watchForUnderrun(nowMs);
      return;
    }
    let leadMs = this.#playhead.leadMs(nowMs);
    while (this.#buffer.length > 0) {
      const entry = this.#ledger.nextToSend();
      if (entry === undefined) break;
      const waiting = entry.receivedBytes - entry.sentBytes;
      const room = Math.floor((this.#leadMs - leadMs) * BYTES_PER_MS);
      let n = Math.min(waiting, room, leadMs <= 0 ? FRAME_BYTES : MESSAGE_BYTES);
      if (n < waiting || !entry.complete) n -= n % FRAME_BYTES;
      // Less than a frame of an unfinished item waits for the rest of it, unless the caller is about to run dry.
      if (n === 0 && waiting < FRAME_BYTES && leadMs <= 0 && room >= waiting && waiting > 0)
        n = waiting;
      if (n <= 0) break;
      if (n < WORTHWHILE_BYTES && n < waiting && leadMs > this.#leadMs / 2) break;
      if (!this.#send(entry, n, nowMs)) break;
      leadMs = this.#playhead.leadMs(nowMs);
    }
  }

  #send(entry: LedgerEntry, n: number, nowMs: number): boolean {
    // The bytes must not leave the buffer unless the leg takes them: they are copied out, offered, and put on the account.
    const leadMs = this.#playhead.leadMs(nowMs);
    const starts = leadMs <= 0;
    this.#buffer.pop(this.#scratch, 0, n);
    const taken = this.#sink.media(this.#scratch, 0, n, nowMs + leadMs);
    if (!taken) this.#droppedBytes += n;
    if (entry.startBytes < 0) {
      entry.startBytes = this.#playhead.sentBytes;
      this.#sink.began(entry.itemId);
    }
    entry.sentBytes += n;
    this.#playhead.sent(n, nowMs);
    this.#dry = false;
    const endsItem = entry.complete && entry.sentBytes === entry.receivedBytes;
    if (starts || endsItem || this.#playhead.sentBytes - this.#markedBytes >= MARK_EVERY_BYTES)
      this.#mark();
    return taken;
  }

  #mark(): void {
    const position = this.#playhead.sentBytes;
    if (position === this.#markedBytes) return;
    this.#markedBytes = position;
    this.#sink.mark(this.#playhead.generation, position);
  }

  /** An echoed mark. Echoes of an older generation change nothing. */
  marked(generation: number, position: number, nowMs: number): void {
    this.#playhead.marked(generation, position, nowMs);
  }

  /** The oldest item that has been heard to its end, once; undefined when there is none. */
  takeHeard(nowMs: number): PlaybackReport | undefined {
    if (this.#ledger.entries.length === 0) return undefined;
    return this.#ledger.takeHeard(this.#playhead.heardBytes(nowMs));
  }

  /**
   * The caller interrupts: what they have not heard never comes. Null when nothing is being played or waits;
   * else Twilio's buffer has been cleared when this returns, and every item's end is told, oldest first.
   */
  interrupt(nowMs: number): PlaybackReport[] | null {
    // Whatever was held for this interruption: the next answer must not wait.
    this.#held = false;
    const playing = this.#playhead.leadMs(nowMs) > 0;
    if (!playing && this.#buffer.length === 0) return null;
    const heardBytes = this.#playhead.heardBytes(nowMs);
    this.#sink.clear();
    this.#forget();
    return this.#ledger.takeAll(heardBytes);
  }

  /** Sending pauses; what waits here stays. The caller hears at most the lead that Twilio holds already. */
  hold(): void {
    this.#held = true;
  }

  /** Goes on exactly where `hold` stopped. */
  resume(nowMs: number): void {
    if (!this.#held) return;
    this.#held = false;
    this.pump(nowMs);
  }

  /**
   * Everything was sent and the caller has heard it: proved by the last mark, or half a second after the clock
   * says so when its echo does not come.
   */
  isDrained(nowMs: number): boolean {
    if (this.#buffer.length > 0) return false;
    if (this.#playhead.confirmedBytes === this.#playhead.sentBytes) return true;
    return this.#playhead.leadMs(nowMs - ECHO_PATIENCE_MS) <= 0;
  }

  /**
   * The phone is gone: gives all memory back, tells every item's end, oldest first, and is ready for another phone, to
   * which nothing of this one's marks means anything.
   */
  disconnect(nowMs: number): PlaybackReport[] {
    const heardBytes = this.#playhead.heardBytes(nowMs);
    this.#forget();
    return this.#ledger.takeAll(heardBytes);
  }

  #forget(): void {
    this.#buffer.clear();
    this.#playhead.clear();
    this.#markedBytes = 0;
    this.#held = false;
    this.#dry = false;
  }

  #watchForUnderrun(nowMs: number): void {
    if (this.#dry || this.#held) return;
    const last = this.#ledger.last;
    if (last === undefined || last.complete || last.startBytes < 0) return;
    if (this.#playhead.leadMs(nowMs) > 0) return;
    this.#dry = true;
    this.#underruns++;
  }
}
