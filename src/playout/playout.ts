import { coreMemory } from "../codec/audio-core.js";
import { BYTES_PER_MS, bytesToMs, FRAME_BYTES, msToBytes } from "../codec/frame.js";
import type { ItemId, ResponseId } from "../domain/ids.js";
import type { BlockPool } from "./block-pool.js";
import { JitterBuffer } from "./jitter-buffer.js";
import { LeadControl } from "./lead-control.js";
import { NOT_MEASURED, PlaybackClock } from "./playback-clock.js";
import { type LedgerEntry, type PlaybackReport, PlayoutLedger } from "./playout-ledger.js";

/** Where playout puts what it decides: the caller's leg. */
export interface PlayoutSink {
  /**
   * Audio that leaves for the caller now. The caller's own audio may hold its echo from about
   * `echoesFromMs` on. `ulaw` is valid until this returns.
   *
   * @returns false: it was dropped.
   */
  media(ulaw: Uint8Array, start: number, end: number, echoesFromMs: number): boolean;
  /** A mark behind the last audio: byte `position` of `generation`. */
  mark(generation: number, position: number): void;
  clear(): void;
  /** The first audio of this item leaves now. */
  began(itemId: ItemId): void;
}

export interface PlayoutOptions {
  /** The most audio kept un-played at the phone while the network delivers evenly, in ms. */
  readonly leadMs: number;
  /** The most audio that may wait here, in bytes. */
  readonly limitBytes: number;
}

/** Five minutes of one voice. */
export const PLAYOUT_LIMIT_BYTES = msToBytes(5 * 60_000);

/**
 * The most audio in one message: three frames. Fewer and larger writes save the relay more than
 * anything else.
 */
const MESSAGE_BYTES = 3 * FRAME_BYTES;
/** A mark at least this often. Between marks the clock is exact, and every echo costs a message. */
const MARK_EVERY_BYTES = msToBytes(240);
/**
 * Later than any time: the largest number that V8 keeps in an object's field without an object of
 * its own. A process that has run for longer (25 days) looks at each call each time.
 */
const FOREVER_MS = 2 ** 31 - 1;
/** An echo that is later than this will not come; the clock is believed instead. */
const ECHO_TIMEOUT_MS = 500;

/**
 * The model's speech on its way to the caller. Playout keeps what waits, sends as much as the lead
 * allows, and accounts for what was heard of each item. It knows no socket and no clock: `pump` is
 * called with the time.
 */
export class Playout {
  // What a turn needs in which nothing is due comes first, in one line of the processor's cache.
  /** Before this no audio is due and no gap can begin, unless something changes. A whole number. */
  #restsUntilMs = 0;
  /** Before this no item can have been heard to its end, unless something changes. The same. */
  #unheardUntilMs = 0;
  #held = false;
  #hasItems = false;
  readonly #sink: PlayoutSink;
  readonly #lead: LeadControl;
  readonly #buffer: JitterBuffer;
  readonly #ledger = new PlayoutLedger();
  readonly #clock = new PlaybackClock();
  #markedBytes = 0;
  #underruns = 0;
  #droppedBytes = 0;
  /** True from the moment when the phone ran dry in the middle of an item until the next audio. */
  #dry = false;

  constructor(pool: BlockPool, sink: PlayoutSink, options: PlayoutOptions) {
    this.#sink = sink;
    this.#lead = new LeadControl(options.leadMs);
    this.#buffer = new JitterBuffer(pool, options.limitBytes);
  }

  /** Gaps that the caller heard in the middle of an item because the model was too slow. */
  get underruns(): number {
    return this.#underruns;
  }

  /**
   * Audio dropped because the buffer was full or the leg took no more, in bytes.
   */
  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  get waitingBytes(): number {
    return this.#buffer.length;
  }

  get held(): boolean {
    return this.#held;
  }

  /** Items are being played or wait, or have not been taken since they were heard. */
  get hasItems(): boolean {
    return this.#hasItems;
  }

  /** Nothing waits, and nothing is being played as far as the clock knows. */
  isSilent(nowMs: number): boolean {
    return this.#buffer.length === 0 && this.#clock.playedBytes(nowMs) >= this.#clock.sentBytes;
  }

  /** Audio that the phone will hold un-played when what leaves now reaches it, in ms. */
  leadMs(nowMs: number): number {
    return this.#clock.leadBytes(nowMs) / BYTES_PER_MS;
  }

  /** From the relay to the phone and back, in ms; 0 while unknown. */
  get roundTripMs(): number {
    return this.#clock.roundTripMs;
  }

  /** Jitter that is provided for, in ms; 0 while unknown. */
  get jitterMs(): number {
    return this.#lead.jitterMs;
  }

  /**
   * Audio that has come of an item, in ms; 0 for an item without audio, and for one that is over.
   */
  receivedMs(itemId: ItemId): number {
    return bytesToMs(this.#ledger.find(itemId)?.receivedBytes ?? 0);
  }

  /** The items that are being played or wait, oldest first. */
  get entries(): readonly LedgerEntry[] {
    return this.#ledger.entries;
  }

  /**
   * Decoded audio of an item. It waits until the next `pump`. @returns false: some of it did not
   * fit.
   */
  push(
    itemId: ItemId,
    responseId: ResponseId,
    contentIndex: number,
    ulaw: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const last = this.#ledger.last;
    // An item that speaks again after another began gets a second entry: audio is heard in the
    // order of arrival.
    const entry =
      last !== undefined && last.itemId === itemId
        ? last
        : this.#ledger.open(itemId, responseId, contentIndex);
    const taken = entry.overflowed ? 0 : this.#buffer.push(ulaw, start, end);
    entry.receivedBytes += taken;
    this.#hasItems = true;
    this.#wake();
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
    this.#wake();
    this.pump(nowMs);
    if (this.#ledger.nextToSend() === undefined) this.#mark();
  }

  /**
   * Whether `pump` may send something now: a cheap check. False means that it would send nothing.
   */
  due(nowMs: number): boolean {
    if (this.#held || this.#buffer.length === 0) return false;
    const target = this.#lead.targetBytes(this.#clock.placed);
    const room = target - this.#clock.leadBytes(nowMs);
    return room >= Math.min(this.#worthwhileBytes, target / 2);
  }

  /**
   * While more than half of the lead is left, a message waits until it holds this much. Over a
   * network with jitter, or one that is not known yet, the lead is kept fuller instead.
   */
  get #worthwhileBytes(): number {
    return this.#lead.covers(this.#clock.placed) ? MESSAGE_BYTES : FRAME_BYTES;
  }

  /**
   * Sends what is due. Called at every tick and whenever audio arrives; does nothing when nothing
   * is due.
   */
  pump(nowMs: number): void {
    if (nowMs < this.#restsUntilMs) return;
    if (this.#held || this.#buffer.length === 0) {
      this.#watchForUnderrun(nowMs);
      return;
    }
    const target = this.#lead.targetBytes(this.#clock.placed);
    const worthwhile = this.#worthwhileBytes;
    let lead = this.#clock.leadBytes(nowMs);
    while (this.#buffer.length > 0) {
      const entry = this.#ledger.nextToSend();
      if (entry === undefined) break;
      const waiting = entry.receivedBytes - entry.sentBytes;
      const room = target - lead;
      let n = Math.min(waiting, room, lead <= 0 ? FRAME_BYTES : MESSAGE_BYTES);
      if (n < waiting || !entry.complete) n -= n % FRAME_BYTES;
      // Less than a frame of an unfinished item waits for the rest of it, unless the phone is about
      // to run dry.
      if (n === 0 && waiting < FRAME_BYTES && lead <= 0 && room >= waiting && waiting > 0)
        n = waiting;
      if (n <= 0) break;
      if (n < worthwhile && n < waiting && lead > target / 2) break;
      if (!this.#send(entry, n, nowMs)) break;
      lead = this.#clock.leadBytes(nowMs);
    }
    if (this.#buffer.length > 0) this.#rest(nowMs, target, lead);
    else this.#restsUntilMs = 0;
  }

  /**
   * Nothing more is due until the phone has room for a message or for all that waits, or until half
   * of the lead is gone.
   */
  #rest(nowMs: number, target: number, lead: number): void {
    const entry = this.#ledger.nextToSend();
    const waiting = entry === undefined ? 0 : entry.receivedBytes - entry.sentBytes;
    const untilRoom = Math.min(waiting, this.#worthwhileBytes) - (target - lead);
    const bytes = Math.min(untilRoom, lead - target / 2);
    this.#restsUntilMs = wholeMsBefore(nowMs, bytes);
  }

  /** Something has changed: whatever was known about the time to come may be wrong. */
  #wake(): void {
    this.#restsUntilMs = 0;
    this.#unheardUntilMs = 0;
  }

  #send(entry: LedgerEntry, n: number, nowMs: number): boolean {
    const clock = this.#clock;
    const lead = clock.leadBytes(nowMs);
    const starts = lead <= 0;
    if (starts && clock.probe(nowMs)) this.#sink.mark(clock.generation, clock.sentBytes);
    this.#buffer.take(n);
    const { takenAt } = this.#buffer;
    const echoesFromMs = nowMs + lead / BYTES_PER_MS + clock.roundTripMs;
    const taken = this.#sink.media(coreMemory, takenAt, takenAt + n, echoesFromMs);
    if (!taken) this.#droppedBytes += n;
    if (entry.startBytes < 0) {
      entry.startBytes = clock.sentBytes;
      this.#sink.began(entry.itemId);
    }
    entry.sentBytes += n;
    clock.sent(n, nowMs);
    this.#dry = false;
    const endsItem = entry.complete && entry.sentBytes === entry.receivedBytes;
    // Where a run starts, everything before it counts as played.
    if (starts || endsItem) this.#unheardUntilMs = 0;
    if (starts || endsItem || clock.sentBytes - this.#markedBytes >= MARK_EVERY_BYTES) this.#mark();
    return taken;
  }

  #mark(): void {
    const position = this.#clock.sentBytes;
    if (position === this.#markedBytes) return;
    this.#markedBytes = position;
    this.#sink.mark(this.#clock.generation, position);
  }

  /** An echoed mark. Echoes of an older generation change nothing. */
  marked(generation: number, position: number, nowMs: number): void {
    this.#wake();
    const lateMs = this.#clock.marked(generation, position, nowMs);
    if (lateMs !== NOT_MEASURED) this.#lead.late(lateMs);
  }

  /** Takes the oldest item that has been heard to its end; undefined when there is none. */
  takePlayed(nowMs: number): PlaybackReport | undefined {
    if (!this.#hasItems || nowMs < this.#unheardUntilMs) return undefined;
    const playedBytes = this.#clock.playedBytes(nowMs);
    const report = this.#ledger.takePlayed(playedBytes);
    if (report !== undefined) this.#hasItems = this.#ledger.entries.length > 0;
    else {
      const missing = this.#ledger.bytesToPlayed(playedBytes);
      this.#unheardUntilMs = missing === null ? FOREVER_MS : wholeMsBefore(nowMs, missing);
    }
    return report;
  }

  /**
   * The caller interrupts: what they have not heard is dropped. Everything that the phone plays
   * until the `clear` takes effect there counts as heard.
   *
   * @returns null when nothing is being played or waits, and nothing was sent. Otherwise `clear`
   *          has been sent and every item's end is reported, oldest first.
   */
  interrupt(nowMs: number): PlaybackReport[] | null {
    // A hold that led to this interruption must not delay the next answer.
    this.#held = false;
    this.#wake();
    const playing = this.#clock.leadBytes(nowMs) > 0;
    if (!playing && this.#buffer.length === 0) return null;
    const playedBytes = this.#clock.playedOnArrivalBytes(nowMs);
    this.#sink.clear();
    this.#forget();
    this.#hasItems = false;
    return this.#ledger.takeAll(playedBytes);
  }

  /**
   * Sending pauses; what waits here stays. The caller hears at most the lead that the phone holds
   * already.
   */
  hold(): void {
    this.#held = true;
  }

  /** Goes on exactly where `hold` stopped. */
  resume(nowMs: number): void {
    if (!this.#held) return;
    this.#held = false;
    this.#wake();
    this.pump(nowMs);
  }

  /**
   * Everything was sent and the caller has heard it: proved by the last mark's echo, or half a
   * second after the clock says that the echo was due.
   */
  isDrained(nowMs: number): boolean {
    if (this.#buffer.length > 0) return false;
    if (this.#clock.confirmedBytes === this.#clock.sentBytes) return true;
    return this.#clock.leadBytes(nowMs - this.#clock.roundTripMs - ECHO_TIMEOUT_MS) <= 0;
  }

  /**
   * The phone is gone. Gives all memory back, reports every item's end, oldest first, and is ready
   * for another phone, to which the marks of this one mean nothing.
   */
  disconnect(nowMs: number): PlaybackReport[] {
    const playedBytes = this.#clock.playedBytes(nowMs);
    this.#forget();
    this.#hasItems = false;
    return this.#ledger.takeAll(playedBytes);
  }

  #forget(): void {
    this.#buffer.clear();
    this.#clock.clear();
    this.#markedBytes = 0;
    this.#held = false;
    this.#dry = false;
    this.#wake();
  }

  #watchForUnderrun(nowMs: number): void {
    this.#restsUntilMs = FOREVER_MS;
    if (this.#dry || this.#held) return;
    const last = this.#ledger.last;
    if (last === undefined || last.complete || last.startBytes < 0) return;
    const lead = this.#clock.leadBytes(nowMs);
    if (lead > 0) {
      this.#restsUntilMs = wholeMsBefore(nowMs, lead);
      return;
    }
    this.#dry = true;
    this.#underruns++;
  }
}

/**
 * A whole number of ms by which `bytes` more cannot have been played. One byte less, because the lead
 * is rounded up to whole bytes.
 */
function wholeMsBefore(nowMs: number, bytes: number): number {
  return Math.floor(nowMs + Math.max(0, bytes - 1) / BYTES_PER_MS);
}
