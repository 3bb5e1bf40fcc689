import type { JitterKind } from "../../bench/load/link.js";
import { Link } from "../../bench/load/link.js";
import { Random } from "../../bench/random.js";
import { BYTES_PER_MS, FRAME_MS } from "../../src/codec/frame.js";
import type { ItemId, ResponseId } from "../../src/domain/ids.js";
import { BlockPool } from "../../src/playout/block-pool.js";
import { PLAYOUT_LIMIT_BYTES, Playout, type PlayoutSink } from "../../src/playout/playout.js";

/** Without caller frames for so long, the relay's own ticker takes over. As in relay/call. */
const TICKER_AFTER_MS = 30;
const RESPONSE = "resp" as ResponseId;

export interface Network {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly kind: JitterKind;
}

type ToPhone =
  | { readonly atMs: number; readonly do: "media"; readonly bytes: number }
  | { readonly atMs: number; readonly do: "mark"; readonly name: MarkName }
  | { readonly atMs: number; readonly do: "clear" };

interface MarkName {
  readonly generation: number;
  readonly position: number;
}

/**
 * What an interruption's account was off by: positive where more was told than the caller had
 * heard.
 */
export interface Interruption {
  readonly atMs: number;
  readonly errorMs: number;
}

/**
 * One call over a network with delay and jitter, on a clock that it moves by itself, 1 ms at a
 * time: the relay's playout at one end, at the other a phone that plays in real time and echoes
 * marks. What the phone does is the truth that playout's account is compared with.
 */
export class FarCall implements PlayoutSink {
  readonly playout: Playout;
  readonly interruptions: Interruption[] = [];
  nowMs = 0;
  /**
   * Times the phone had nothing to play although the relay had had more of the same answer for it.
   */
  underruns = 0;
  maxLeadMs = 0;
  messages = 0;
  marks = 0;
  readonly random: Random;
  readonly #down: Link;
  readonly #up: Link;
  #toPhone: ToPhone[] = [];
  #toRelay: { readonly atMs: number; readonly mark: MarkName | null }[] = [];
  /** The phone begins to play at the next of its own ticks of 20 ms. */
  readonly #phonePhaseMs: number;
  #queuedBytes = 0;
  /**
   * Everything that ever reached the phone, and what it played of it; cleared audio counts as
   * neither.
   */
  #arrivedBytes = 0;
  #playedBytes = 0;
  #playsFromMs = Number.POSITIVE_INFINITY;
  #phoneMarks: { readonly name: MarkName; readonly behind: number }[] = [];
  #lastFrameMs = 0;
  #items = 0;
  #answerBytes = 0;
  /** `#playedBytes` when the present answer began. */
  #answerFrom = 0;
  #dry = false;
  #pending: { readonly heardMs: number; readonly atMs: number } | null = null;

  constructor(leadMs: number, network: Network, seed: number) {
    this.random = new Random(seed);
    this.#down = new Link(network, new Random(seed * 31 + 7));
    this.#up = new Link(network, new Random(seed * 17 + 3));
    this.#phonePhaseMs = this.random.below(FRAME_MS);
    this.playout = new Playout(new BlockPool(), this, { leadMs, limitBytes: PLAYOUT_LIMIT_BYTES });
  }

  /** The model answers: `ms` of speech, all at once. */
  answer(ms: number): void {
    const bytes = ms * BYTES_PER_MS;
    const item = `item${++this.#items}` as ItemId;
    this.#answerBytes = bytes;
    this.#answerFrom = this.#playedBytes;
    this.#dry = false;
    this.playout.push(item, RESPONSE, 0, new Uint8Array(bytes), 0, bytes);
    this.playout.complete(item, this.nowMs);
    this.playout.pump(this.nowMs);
  }

  /** The caller interrupts. False: nothing was playing. */
  interrupt(): boolean {
    const reports = this.playout.interrupt(this.nowMs);
    if (reports === null) return false;
    const report = reports.at(-1);
    if (report === undefined) return false;
    this.#pending = { heardMs: report.heardMs, atMs: this.nowMs };
    return true;
  }

  /** Everything of the present answer has been played, or it was interrupted. */
  get silent(): boolean {
    return this.#pending === null && this.playout.isDrained(this.nowMs);
  }

  run(ms: number): void {
    for (let i = 0; i < ms; i++) this.#step();
  }

  #step(): void {
    const nowMs = ++this.nowMs;
    while (this.#toPhone.length > 0 && this.#toPhone[0]!.atMs <= nowMs)
      this.#atPhone(this.#toPhone.shift()!);
    this.#play();
    if ((nowMs - this.#phonePhaseMs) % FRAME_MS === 0) this.#send(null);
    while (this.#toRelay.length > 0 && this.#toRelay[0]!.atMs <= nowMs)
      this.#atRelay(this.#toRelay.shift()!.mark);
    if (nowMs % FRAME_MS === 0 && nowMs - this.#lastFrameMs >= TICKER_AFTER_MS)
      this.playout.pump(nowMs);
    while (this.playout.takePlayed(nowMs) !== undefined);
  }

  #atRelay(mark: MarkName | null): void {
    if (mark === null) {
      this.#lastFrameMs = this.nowMs;
      this.playout.pump(this.nowMs);
    } else this.playout.marked(mark.generation, mark.position, this.nowMs);
  }

  // --- the phone ---------------------------------------------------------------------------------

  #atPhone(message: ToPhone): void {
    switch (message.do) {
      case "media":
        if (this.#queuedBytes === 0) {
          const ticks = Math.ceil((this.nowMs + 1 - this.#phonePhaseMs) / FRAME_MS);
          this.#playsFromMs = this.#phonePhaseMs + ticks * FRAME_MS;
        }
        this.#dry = false;
        this.#queuedBytes += message.bytes;
        this.#arrivedBytes += message.bytes;
        this.maxLeadMs = Math.max(this.maxLeadMs, this.#queuedBytes / BYTES_PER_MS);
        return;
      case "mark":
        this.#phoneMarks.push({ name: message.name, behind: this.#arrivedBytes });
        this.#echo();
        return;
      case "clear":
        this.#cleared();
    }
  }

  #cleared(): void {
    this.#arrivedBytes = this.#playedBytes;
    this.#queuedBytes = 0;
    for (const { name } of this.#phoneMarks) this.#send(name);
    this.#phoneMarks = [];
    const pending = this.#pending;
    this.#pending = null;
    if (pending === null) return;
    const truthMs = (this.#playedBytes - this.#answerFrom) / BYTES_PER_MS;
    this.interruptions.push({ atMs: pending.atMs, errorMs: pending.heardMs - truthMs });
    this.#answerBytes = 0;
  }

  #play(): void {
    if (this.nowMs <= this.#playsFromMs) return;
    const heard = this.#playedBytes - this.#answerFrom;
    if (this.#queuedBytes === 0) {
      const owed = this.#answerBytes > heard && heard > 0 && this.#pending === null;
      if (owed && !this.#dry && !this.playout.held) this.underruns++;
      if (owed) this.#dry = true;
      return;
    }
    const n = Math.min(BYTES_PER_MS, this.#queuedBytes);
    this.#queuedBytes -= n;
    this.#playedBytes += n;
    this.#echo();
  }

  #echo(): void {
    while (this.#phoneMarks.length > 0 && this.#phoneMarks[0]!.behind <= this.#playedBytes)
      this.#send(this.#phoneMarks.shift()!.name);
  }

  #send(mark: MarkName | null): void {
    this.#toRelay.push({ atMs: this.#up.arrivalMs(this.nowMs), mark });
  }

  // --- PlayoutSink -------------------------------------------------------------------------------

  media(_ulaw: Uint8Array, start: number, end: number): boolean {
    this.messages++;
    this.#toPhone.push({ atMs: this.#down.arrivalMs(this.nowMs), do: "media", bytes: end - start });
    return true;
  }

  mark(generation: number, position: number): void {
    this.marks++;
    const name = { generation, position };
    this.#toPhone.push({ atMs: this.#down.arrivalMs(this.nowMs), do: "mark", name });
  }

  clear(): void {
    this.#toPhone.push({ atMs: this.#down.arrivalMs(this.nowMs), do: "clear" });
  }

  began(): void {}
}
