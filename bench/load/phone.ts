import { BargeIn, PATIENCE_MS } from "./barge-in.js";
import type { Meters } from "./meters.js";
import type { ModelSession } from "./model-session.js";
import { PhonePlayout } from "./phone-playout.js";
import { SilenceWatch } from "./silence-watch.js";
import type { SpokenItem } from "./spoken-item.js";
import { decode, FRAME_BYTES, FRAME_CHARS } from "./stamped-audio.js";
import { StreamChecker } from "./stream-checker.js";
import { LATE_MS, TICK_MS, type Wheel } from "./wheel.js";

export interface PhoneHost {
  readonly session: ModelSession | null;
  /** Audio of session `index` arrives. True: it is this call's from now on. */
  adopt(index: number): boolean;
  /** A mark has been played. */
  echo(name: string): void;
  /** The relay broke Twilio's protocol. */
  violation(reason: string): void;
}

/** A phone that was late runs late until an answer ends. */
const LEAD_MEMORY_MS = 3000;
/** So long in time before anything is held against the relay that may only wait to be read. */
const SETTLED_MS = 200;
const NEVER = -1;

/** What the relay sends to the phone, and what the caller hears of it. */
export class Phone {
  heardAnything = false;
  readonly #host: PhoneHost;
  readonly #meters: Meters;
  readonly #wheel: Wheel;
  /** From the relay to the phone at most, in ms: what left the relay later cannot be here yet. */
  readonly #transitMs: number;
  readonly #playout = new PhonePlayout();
  readonly #checker: StreamChecker;
  readonly #silence: SilenceWatch;
  #liveSinceMs = 0;
  #bargeIn: BargeIn | null = null;
  #pieceStartMs = 0;
  #leftMs = 0;
  #wasLate = false;
  #playing: SpokenItem | null = null;
  #drySinceMs = NEVER;
  /** The caller speaks into the agent's words since then; -1: not, or the model has noticed. */
  #spokeUpMs = NEVER;
  #speechEndMs = 0;
  #lastMediaMs = NEVER;
  #payloadAt = 0;

  constructor(host: PhoneHost, meters: Meters, wheel: Wheel, transitMs: number) {
    this.#host = host;
    this.#meters = meters;
    this.#wheel = wheel;
    this.#transitMs = transitMs;
    this.#silence = new SilenceWatch(meters.silence);
    this.#checker = new StreamChecker(meters.down, {
      frame: (seq, _body, endOffset) => this.#arrived(seq, endOffset),
      adopt: (index) => host.adopt(index),
      frameBytes: (seq) => host.session?.frameBytes(seq) ?? FRAME_BYTES,
    });
  }

  /** The stream is open. */
  begin(nowMs: number): void {
    this.#liveSinceMs = nowMs;
    this.#speechEndMs = nowMs;
    this.#playout.ticked(nowMs);
  }

  /** This session's audio is this call's. */
  follow(session: ModelSession): void {
    this.#checker.follow(session.index, 0);
  }

  // --- what the caller knows ---------------------------------------------------------------------

  isPlaying(nowMs: number): boolean {
    return this.#playout.unplayedMs(nowMs) > 0;
  }

  dryMs(nowMs: number): number {
    return this.#playout.dryMs(nowMs);
  }

  hasHeardFrom(seq: number): boolean {
    return this.#checker.next > Math.max(seq, this.#host.session?.voidBelowSeq ?? 0);
  }

  get heardAll(): boolean {
    const { session } = this.#host;
    if (session === null) return true;
    return Math.max(this.#checker.next, session.voidBelowSeq) >= session.nextSeq;
  }

  /** What the model has made by now and did not come is lost. */
  giveUp(): void {
    this.#checker.end(this.#host.session?.nextSeq ?? 0);
  }

  callerTalks(nowMs: number): void {
    this.#silence.over(nowMs);
    this.#spokeUpMs = this.isPlaying(nowMs) ? nowMs : NEVER;
    this.#lastMediaMs = nowMs;
  }

  callerPauses(nowMs: number): void {
    this.#speechEndMs = nowMs;
  }

  // --- every 20 ms -------------------------------------------------------------------------------

  /** The phone's own clock, before anything else of this tick. */
  ticked(dueMs: number): void {
    this.#playout.ticked(dueMs);
  }

  /** The next mark whose audio has been played, or null. */
  takeMark(nowMs: number): string | null {
    return this.#playout.takeMark(nowMs);
  }

  /** After the tick's frame was sent. */
  watch(nowMs: number, dueMs: number, talking: boolean, replyOwed: boolean): void {
    const late = this.#wheel.lateMs > LATE_MS;
    this.#watchForUnderrun(dueMs, talking, late || this.#wasLate);
    this.#wasLate = late;
    const bargeIn = this.#bargeIn;
    // After a stall the relay's answer may wait to be read: it is not missing yet.
    const settled = !this.#wheel.lateWithin(SETTLED_MS, nowMs);
    if (bargeIn !== null && settled && nowMs - bargeIn.atMs > PATIENCE_MS + this.#transitMs)
      this.settle(nowMs, false);
    if (!replyOwed || talking) this.#silence.over(nowMs);
    else if (!this.isPlaying(nowMs))
      this.#silence.silent(Math.max(this.#speechEndMs, this.#playout.endMs));
  }

  /** Nothing to play although the relay has had more of this item for a tick: a gap is heard. */
  #watchForUnderrun(dueMs: number, talking: boolean, unsure: boolean): void {
    const item = this.#playing;
    if (item === null || item.interrupted || this.#bargeIn !== null) return;
    if (this.isPlaying(dueMs) || talking || item.receivedBytes >= item.bytes) return;
    if (this.#drySinceMs !== NEVER) return;
    // Less than a frame of an unfinished item may wait for the rest of it.
    const sentBytes = item.sentBytesAt(dueMs - this.#transitMs - TICK_MS);
    const owed = sentBytes - item.receivedBytes;
    if (owed < FRAME_BYTES && !(item.complete && sentBytes === item.bytes && owed > 0)) return;
    this.#drySinceMs = dueMs;
    if (unsure) this.#meters.underrunsUnsure++;
    else this.#meters.underruns++;
  }

  // --- from the relay ----------------------------------------------------------------------------

  /** @param leftMs  when the message left the relay's end of the network. */
  receive(bytes: Buffer, start: number, end: number, leftMs: number): void {
    this.#leftMs = leftMs;
    const nowMs = performance.now();
    // A relay writes its media in one layout, so it is learnt once.
    const at = start + this.#payloadAt;
    if (this.#payloadAt > 0 && isPayloadEnd(bytes, end) && isPayloadStart(bytes, at)) {
      this.#media(bytes, at, end - 3, nowMs);
      return;
    }
    const text = bytes.toString("utf8", start, end);
    let message: RelayMessage;
    try {
      message = JSON.parse(text) as RelayMessage;
    } catch {
      this.#host.violation("the relay sent no JSON");
      return;
    }
    switch (message.event) {
      case "media": {
        const payload = message.media?.payload ?? "";
        const found = text.indexOf('"payload":"');
        if (found >= 0 && text.endsWith('"}}')) this.#payloadAt = found + 11;
        const raw = Buffer.from(payload, "latin1");
        this.#media(raw, 0, raw.length, nowMs);
        return;
      }
      case "mark":
        this.#meters.marks++;
        if (this.isPlaying(nowMs)) this.#playout.mark(message.mark?.name ?? "");
        else this.#host.echo(message.mark?.name ?? "");
        return;
      case "clear":
        this.#clear(nowMs);
        return;
      default:
        this.#host.violation("the relay sent an unknown event");
    }
  }

  #media(text: Buffer, start: number, end: number, nowMs: number): void {
    this.#pieceStartMs = this.#playout.startMs(nowMs);
    this.#lastMediaMs = nowMs;
    this.#silence.over(this.#pieceStartMs);
    let bytes = FRAME_BYTES;
    if (end - start !== FRAME_CHARS || !this.#checker.pushFrameText(text, start)) {
      const audio = decode(text, start, end);
      bytes = audio.length;
      this.#checker.push(audio.bytes, 0, bytes);
    }
    if (this.#drySinceMs !== NEVER) {
      this.#meters.underrunMs += nowMs - this.#drySinceMs;
      this.#drySinceMs = NEVER;
    }
    const leadMs = this.#playout.queue(bytes, this.#pieceStartMs, nowMs);
    // What was read late looks as if it had been sent in a heap.
    if (!this.#wheel.lateWithin(LEAD_MEMORY_MS, nowMs)) this.#meters.lead.record(leadMs);
  }

  #arrived(seq: number, endOffset: number): void {
    const item = this.#host.session?.itemOf(seq);
    if (item === undefined) return;
    this.#playing = item;
    item.receivedBytes = (seq - item.firstSeq) * FRAME_BYTES + item.frameBytes(seq);
    item.endPlayMs = this.#pieceStartMs + endOffset / 8;
    if (seq !== item.firstSeq) return;
    if (item.intoSilence) {
      this.#meters.downlink.record(this.#leftMs - item.firstDeltaMs);
      this.#meters.recentDownlink.record(this.#leftMs - item.firstDeltaMs);
    }
    if (!this.heardAnything) {
      this.heardAnything = true;
      this.#meters.greeting.record(performance.now() - this.#liveSinceMs);
    }
  }

  #clear(nowMs: number): void {
    const bargeIn = this.#bargeIn;
    if (bargeIn === null) {
      this.#meters.clearsUnasked++;
      this.#checker.cut(this.#playing?.endSeq ?? 0);
    } else {
      bargeIn.clear(this.#leftMs, nowMs);
      this.#checker.cut(this.#host.session?.voidBelowSeq ?? 0);
    }
    this.#playing = null;
    this.#playout.clear(nowMs);
    let name = this.#playout.takeMark(nowMs);
    for (; name !== null; name = this.#playout.takeMark(nowMs)) this.#host.echo(name);
  }

  // --- from the model's side ---------------------------------------------------------------------

  /**
   * The model told the relay that the caller speaks, while these items are not heard to their end.
   */
  interrupted(unheard: readonly SpokenItem[], nowMs: number): void {
    if (this.#spokeUpMs !== NEVER && unheard.length > 0)
      this.#meters.hold.record(this.#lastMediaMs - this.#spokeUpMs);
    this.#spokeUpMs = NEVER;
    if (unheard.length > 0) this.#bargeIn = new BargeIn(unheard, nowMs, this.#transitMs);
  }

  responseBegins(session: ModelSession, nowMs: number): void {
    this.settle(nowMs, false);
    // Deltas that an interruption made late need not have been played.
    if (session === this.#host.session) this.#checker.cut(session.voidBelowSeq);
  }

  truncated(item: SpokenItem, audioEndMs: number): void {
    this.#bargeIn?.truncate(item, audioEndMs);
  }

  /**
   * @param early  true: the call ends before the relay's time to react is over, so nothing is held
   *               against it.
   */
  settle(nowMs: number, early: boolean): void {
    const bargeIn = this.#bargeIn;
    if (bargeIn === null) return;
    this.#bargeIn = null;
    if (!early || bargeIn.cleared || nowMs - bargeIn.atMs > PATIENCE_MS)
      bargeIn.judge(this.#meters);
    this.#checker.cut(this.#host.session?.voidBelowSeq ?? 0);
  }

  /** The caller hangs up. */
  leave(nowMs: number): void {
    this.#silence.over(nowMs);
    this.settle(nowMs, true);
  }
}

interface RelayMessage {
  readonly event?: string;
  readonly media?: { readonly payload?: string };
  readonly mark?: { readonly name?: string };
}

const PAYLOAD = Buffer.from('"payload":"');

function isPayloadStart(bytes: Uint8Array, at: number): boolean {
  const from = at - PAYLOAD.length;
  for (let i = 0; i < PAYLOAD.length; i++) if (bytes[from + i] !== PAYLOAD[i]) return false;
  return true;
}

/** `"}}` */
function isPayloadEnd(bytes: Uint8Array, end: number): boolean {
  return bytes[end - 1] === 0x7d && bytes[end - 2] === 0x7d && bytes[end - 3] === 0x22;
}
