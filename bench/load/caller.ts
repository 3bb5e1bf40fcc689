/**
 * One call as Twilio and the person at the phone make it: webhook, stream, talk and silence, playout with marks, hanging up.
 */

import type { Random } from "../random.js";
import { BargeIn, PATIENCE_MS } from "./barge-in.js";
import { MediaWriter } from "./media-writer.js";
import type { Meters } from "./meters.js";
import type { ModelSession, SessionListener } from "./model-session.js";
import { PhoneSocket, textFrame } from "./phone-socket.js";
import { PhonePlayout } from "./playout.js";
import type { Scenario } from "./scenario.js";
import type { SpokenItem } from "./spoken-item.js";
import { BODIES, decode, FRAME_BYTES, FRAME_CHARS, SILENT } from "./stamped-audio.js";
import { StreamChecker } from "./stream-checker.js";
import {
  post,
  readStream,
  type StreamOrder,
  signature,
  type TwilioAccount,
} from "./twilio-account.js";
import { LATE_MS, TICK_MS, type Wheel, type WheelMember } from "./wheel.js";

export interface CallerParts {
  readonly scenario: Scenario;
  readonly random: Random;
  readonly meters: Meters;
  readonly wheel: Wheel;
  readonly account: TwilioAccount;
  /** The relay's voice webhook. */
  readonly webhookUrl: string;
  sessionByIndex(index: number): ModelSession | undefined;
  /** Once, last. */
  over(caller: Caller): void;
}

type State =
  | { name: "greeting"; untilMs: number }
  | { name: "pausing"; untilMs: number }
  | { name: "talking"; untilMs: number }
  | { name: "awaiting"; untilMs: number; answerSeq: number }
  | { name: "listening"; interruptMs: number | null };

/** Send times are kept for so many frames: 20 s in flight. */
const RING = 1024;
/** The last second of a call may be dropped with it: nobody will answer what was said while hanging up. */
const TAIL_FRAMES = 50;
const GREETING_PATIENCE_MS = 6000;
const ANSWER_PATIENCE_MS = 6000;
const NO_SESSION_MS = 10_000;
/** The end of an answer is missed when the phone has been silent for so long. */
const SILENCE_IS_THE_END_MS = 1500;
/** A phone that was late runs late until an answer ends. */
const LEAD_MEMORY_MS = 3000;
/** So long in time before anything is held against the relay that may only wait to be read. */
const SETTLED_MS = 200;
const NEVER = -1;

export class Caller implements WheelMember, SessionListener {
  readonly id: number;
  readonly callSid: string;
  readonly #parts: CallerParts;
  readonly #meters: Meters;
  readonly #random: Random;
  readonly #streamSid: string;
  readonly #writer: MediaWriter;
  readonly #playout = new PhonePlayout();
  readonly #sentAtMs = new Float64Array(RING);
  readonly #up: StreamChecker;
  readonly #down: StreamChecker;
  #socket: PhoneSocket | null = null;
  #order: StreamOrder | null = null;
  #session: ModelSession | null = null;
  #state: State;
  #stage: "setup" | "live" | "hanging-up" | "over" = "setup";
  #endMs: number;
  #startedMs: number;
  #liveSinceMs = 0;
  #sequenceNumber = 1;
  #chunk = 0;
  #timestampMs = 0;
  #frames = 0;
  /** Frames before this one may have waited for the model's session. */
  #steadyFromSeq = Number.POSITIVE_INFINITY;
  #gapTicks = 0;
  #bargeIn: BargeIn | null = null;
  #pieceStartMs = 0;
  #heardAnything = false;
  #wasLate = false;
  #playing: SpokenItem | null = null;
  #drySinceMs = NEVER;
  /** The caller speaks into the agent's words since then; -1: they do not, or the model has noticed. */
  #spokeUpMs = NEVER;
  #lastMediaMs = NEVER;
  #payloadAt = 0;
  #blamed = false;
  #finished = false;

  /** @param endMs  when the caller hangs up. */
  constructor(id: number, endMs: number, parts: CallerParts) {
    this.id = id;
    this.#parts = parts;
    this.#meters = parts.meters;
    this.#random = parts.random;
    this.#endMs = endMs;
    this.#startedMs = performance.now();
    const hex = id.toString(16).padStart(8, "0");
    this.callSid = `CA${"bec4".repeat(6)}${hex}`;
    this.#streamSid = `MZ${"bec4".repeat(6)}${hex}`;
    this.#writer = new MediaWriter(this.#streamSid, id);
    this.#state = { name: "greeting", untilMs: Number.POSITIVE_INFINITY };
    this.#up = new StreamChecker(parts.meters.up, {
      frame: (seq, body) => this.#arrivedAtModel(seq, body),
      adopt: () => false,
      frameBytes: () => FRAME_BYTES,
    });
    this.#up.follow(id, 0);
    this.#down = new StreamChecker(parts.meters.down, {
      frame: (seq, _body, endOffset) => this.#arrivedAtPhone(seq, endOffset),
      adopt: (index) => this.#adopt(index),
      frameBytes: (seq) => this.#session?.frameBytes(seq) ?? FRAME_BYTES,
    });
  }

  // --- the call's course ----------------------------------------------------------------------------

  /** Dials: voice webhook, then the stream that the answer asks for. */
  async dial(): Promise<void> {
    const { account, webhookUrl } = this.#parts;
    this.#meters.callsStarted++;
    this.#startedMs = performance.now();
    const form = this.#form("ringing");
    try {
      const answer = await post(account, webhookUrl, form);
      if (answer.status !== 200) {
        this.#fail(`voice webhook answered ${answer.status}`);
        return;
      }
      const order = readStream(answer.body);
      if (order === null) {
        this.#fail("no <Stream> in the answer");
        return;
      }
      this.#order = order;
      this.#connect(order);
    } catch (error) {
      this.#fail(`voice webhook: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  get live(): boolean {
    return this.#stage === "live";
  }

  #connect(order: StreamOrder): void {
    const headers = { "X-Twilio-Signature": signature(this.#parts.account, order.url, {}) };
    this.#socket = new PhoneSocket(new URL(order.url), headers, {
      opened: () => this.#opened(order),
      text: (bytes, start, end) => this.#fromRelay(bytes, start, end),
      closed: (code, refused) => this.#closed(code, refused),
    });
  }

  #opened(order: StreamOrder): void {
    const nowMs = performance.now();
    this.#meters.setup.record(nowMs - this.#startedMs);
    this.#stage = "live";
    this.#liveSinceMs = nowMs;
    this.#meters.callsLive++;
    this.#state = { name: "greeting", untilMs: nowMs + GREETING_PATIENCE_MS };
    const socket = this.#socket!;
    socket.sendText(JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" }));
    socket.sendText(
      JSON.stringify({
        event: "start",
        sequenceNumber: String(this.#sequenceNumber++),
        start: {
          accountSid: this.#parts.account.accountSid,
          streamSid: this.#streamSid,
          callSid: this.callSid,
          tracks: ["inbound"],
          mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
          customParameters: order.parameters,
        },
        streamSid: this.#streamSid,
      }),
    );
    this.#playout.ticked(nowMs);
    this.#parts.wheel.add(this);
  }

  /** The REST API was told to do something else with this call: Twilio ends the stream. */
  redirected(): void {
    if (this.#stage === "live") this.hangUp();
  }

  hangUp(): void {
    if (this.#stage !== "live") return;
    this.#leave();
    const socket = this.#socket!;
    socket.sendText(
      JSON.stringify({
        event: "stop",
        sequenceNumber: String(this.#sequenceNumber++),
        streamSid: this.#streamSid,
        stop: { accountSid: this.#parts.account.accountSid, callSid: this.callSid },
      }),
    );
    socket.close(1000);
  }

  #closed(code: number, refused: number | null): void {
    if (this.#stage === "over") return;
    if (this.#stage === "setup") {
      this.#fail(refused === null ? "stream could not be opened" : `stream refused: ${refused}`);
      return;
    }
    if (this.#stage === "live") {
      this.#leave();
      this.#blame(`stream closed by the relay (${code})`);
    }
    void this.#afterStream();
  }

  /** The call no longer plays nor speaks; what should have arrived is counted. */
  #leave(): void {
    const nowMs = performance.now();
    this.#stage = "hanging-up";
    this.#parts.wheel.remove(this);
    this.#meters.callsLive--;
    this.#meters.callSeconds += (nowMs - this.#liveSinceMs) / 1000;
    this.#settle(nowMs, true);
    if (this.#session === null) this.#blame("the model was never reached");
    else if (!this.#heardAnything) this.#blame("the caller never heard anything");
    const session = this.#session;
    // An answer that is still being played when the caller hangs up is nobody's loss.
    if (session !== null && !session.busy && this.#playout.dryMs(nowMs) > SILENCE_IS_THE_END_MS) {
      this.#down.end(session.nextSeq);
    }
  }

  async #afterStream(): Promise<void> {
    const order = this.#order;
    if (order?.action !== null && order !== null) {
      try {
        const answer = await post(this.#parts.account, order.action, this.#form("completed"));
        if (answer.status !== 200) this.#blame(`<Connect action> answered ${answer.status}`);
      } catch (error) {
        this.#blame(`<Connect action>: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    this.#over();
  }

  #fail(reason: string): void {
    this.#blame(reason);
    this.#over();
  }

  /** A call fails once, for its first reason. */
  #blame(reason: string): void {
    if (!this.#blamed) this.#meters.fail(reason);
    this.#blamed = true;
  }

  #over(): void {
    if (this.#stage === "over") return;
    this.#stage = "over";
    this.#meters.callsEnded++;
    this.#parts.over(this);
  }

  #form(callStatus: string): Record<string, string> {
    return {
      AccountSid: this.#parts.account.accountSid,
      ApiVersion: "2010-04-01",
      CallSid: this.callSid,
      CallStatus: callStatus,
      Direction: "inbound",
      From: `+1555${String(this.id % 10_000_000).padStart(7, "0")}`,
      To: "+15550001111",
      FromCity: "",
    };
  }

  // --- every 20 ms ----------------------------------------------------------------------------------

  tick(nowMs: number, dueMs: number): void {
    const late = this.#parts.wheel.lateMs > LATE_MS;
    this.#playout.ticked(dueMs);
    this.#act(nowMs);
    this.#sendTurn(nowMs, dueMs);
    this.#watchForUnderrun(dueMs, late || this.#wasLate);
    this.#wasLate = late;
    const bargeIn = this.#bargeIn;
    // After a standstill the relay's answer may wait to be read: it is not missing yet.
    const settled = !this.#parts.wheel.lateWithin(SETTLED_MS, nowMs);
    if (bargeIn !== null && settled && nowMs - bargeIn.atMs > PATIENCE_MS)
      this.#settle(nowMs, false);
    if (this.#session === null && nowMs - this.#liveSinceMs > NO_SESSION_MS) this.hangUp();
    else if (nowMs >= this.#endMs) this.hangUp();
  }

  /** This turn's frame and the marks that became due, in one write. */
  #sendTurn(nowMs: number, dueMs: number): void {
    const media = this.#nextFrame(nowMs);
    const mark = this.#playout.takeMark(dueMs);
    if (mark === null) {
      if (media !== null && !this.#socket!.sendFrame(media)) this.#writer.giveAway();
      return;
    }
    const frames = media === null ? [] : [media];
    for (let name: string | null = mark; name !== null; name = this.#playout.takeMark(dueMs)) {
      frames.push(textFrame(this.#echo(name)));
    }
    this.#socket!.sendFrame(Buffer.concat(frames));
  }

  /** Null: the network has lost it. */
  #nextFrame(nowMs: number): Buffer | null {
    const { gapsPerMinute, gapMs } = this.#parts.scenario.caller;
    this.#timestampMs += TICK_MS;
    if (this.#gapTicks > 0) {
      this.#gapTicks--;
      this.#meters.gapBytes += FRAME_BYTES;
      return null;
    }
    if (
      gapsPerMinute > 0 &&
      this.#frames > 50 &&
      this.#random.chance((gapsPerMinute * TICK_MS) / 60_000)
    ) {
      this.#gapTicks = Math.round(this.#random.within(gapMs) / TICK_MS);
    }
    const seq = this.#frames++;
    const body = this.#state.name === "talking" ? 1 + ((seq >> 3) % (BODIES - 1)) : SILENT;
    this.#sentAtMs[seq % RING] = nowMs;
    this.#meters.framesSent++;
    return this.#writer.media(this.#sequenceNumber++, ++this.#chunk, this.#timestampMs, seq, body);
  }

  #echo(name: string): string {
    return `{"event":"mark","sequenceNumber":"${this.#sequenceNumber++}","streamSid":"${this.#streamSid}","mark":{"name":${JSON.stringify(name)}}}`;
  }

  /** The person: what they do next. */
  #act(nowMs: number): void {
    const { scenario } = this.#parts;
    const state = this.#state;
    switch (state.name) {
      case "greeting":
        if (this.#heardAnything)
          this.#state = { name: "listening", interruptMs: this.#drawInterrupt(nowMs) };
        else if (nowMs >= state.untilMs) this.#pause(nowMs);
        return;
      case "pausing":
        if (nowMs >= state.untilMs && this.#session !== null) this.#talk(nowMs);
        return;
      case "talking":
        if (nowMs < state.untilMs) return;
        this.#session?.callerPauses(nowMs);
        this.#state = {
          name: "awaiting",
          untilMs:
            nowMs + scenario.model.hangoverMs[1] + scenario.model.thinkMs[1] + ANSWER_PATIENCE_MS,
          answerSeq: this.#session?.nextSeq ?? 0,
        };
        return;
      case "awaiting":
        if (this.#down.next > Math.max(state.answerSeq, this.#session?.voidBelowSeq ?? 0)) {
          this.#state = { name: "listening", interruptMs: this.#drawInterrupt(nowMs) };
        } else if (nowMs >= state.untilMs) {
          this.#meters.unanswered++;
          this.#pause(nowMs);
        }
        return;
      case "listening":
        this.#listen(state, nowMs);
        return;
    }
  }

  #listen(state: { readonly interruptMs: number | null }, nowMs: number): void {
    const session = this.#session!;
    const playing = this.#playout.unplayedMs(nowMs) > 0;
    if (state.interruptMs !== null && nowMs >= state.interruptMs && playing) {
      this.#talk(nowMs);
      return;
    }
    if (session.busy || playing) return;
    if (Math.max(this.#down.next, session.voidBelowSeq) >= session.nextSeq) this.#pause(nowMs);
    else if (this.#playout.dryMs(nowMs) > SILENCE_IS_THE_END_MS) {
      this.#down.end(session.nextSeq);
      this.#pause(nowMs);
    }
  }

  #drawInterrupt(nowMs: number): number | null {
    const { rate, afterMs } = this.#parts.scenario.bargeIn;
    return this.#random.chance(rate) ? nowMs + this.#random.within(afterMs) : null;
  }

  #pause(nowMs: number): void {
    this.#state = {
      name: "pausing",
      untilMs: nowMs + this.#random.within(this.#parts.scenario.caller.pauseMs),
    };
  }

  #talk(nowMs: number): void {
    const talkMs = this.#random.within(this.#parts.scenario.caller.talkMs);
    this.#spokeUpMs = this.#playout.unplayedMs(nowMs) > 0 ? nowMs : NEVER;
    this.#lastMediaMs = nowMs;
    this.#state = { name: "talking", untilMs: nowMs + talkMs };
    this.#session?.callerTalks(nowMs);
  }

  /** Nothing to play although the relay has had more of this item for a tick: a hole that the caller hears. */
  #watchForUnderrun(dueMs: number, unsure: boolean): void {
    const item = this.#playing;
    const meters = this.#meters;
    if (
      this.#playout.unplayedMs(dueMs) > 0 ||
      item === null ||
      item.interrupted ||
      this.#bargeIn !== null
    )
      return;
    if (this.#state.name === "talking" || item.receivedBytes >= item.bytes) return;
    // Less than a frame of an unfinished item may wait for the rest of it.
    const owed = item.sentBytesBefore - item.receivedBytes;
    if (owed < FRAME_BYTES && !(item.complete && item.sentBytesBefore === item.bytes && owed > 0))
      return;
    if (this.#drySinceMs !== NEVER) return;
    this.#drySinceMs = dueMs;
    if (unsure) meters.underrunsUnsure++;
    else meters.underruns++;
  }

  // --- from the relay to the phone ------------------------------------------------------------------

  #fromRelay(bytes: Buffer, start: number, end: number): void {
    const nowMs = performance.now();
    // Twilio ignores nothing: but a relay always writes its media in the same layout, so it is learnt once.
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
      this.#blame("the relay sent no JSON");
      this.#socket?.close(1007);
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
        if (this.#playout.unplayedMs(nowMs) === 0)
          this.#socket!.sendText(this.#echo(message.mark?.name ?? ""));
        else this.#playout.mark(message.mark?.name ?? "");
        return;
      case "clear":
        this.#clear(nowMs);
        return;
      default:
        this.#blame("the relay sent an unknown event");
    }
  }

  #media(text: Buffer, start: number, end: number, nowMs: number): void {
    if (this.#stage !== "live") return;
    this.#pieceStartMs = this.#playout.startMs(nowMs);
    this.#lastMediaMs = nowMs;
    let bytes = FRAME_BYTES;
    if (end - start !== FRAME_CHARS || !this.#down.pushFrameText(text, start)) {
      const audio = decode(text, start, end);
      bytes = audio.length;
      this.#down.push(audio.bytes, 0, bytes);
    }
    if (this.#drySinceMs !== NEVER) {
      this.#meters.underrunMs += nowMs - this.#drySinceMs;
      this.#drySinceMs = NEVER;
    }
    const leadMs = this.#playout.queue(bytes, this.#pieceStartMs, nowMs);
    // What was read late looks as if it had been sent in a heap.
    if (!this.#parts.wheel.lateWithin(LEAD_MEMORY_MS, nowMs)) this.#meters.lead.record(leadMs);
  }

  #clear(nowMs: number): void {
    const bargeIn = this.#bargeIn;
    if (bargeIn === null) {
      this.#meters.clearsUnasked++;
      this.#down.cut(this.#playing?.endSeq ?? 0);
    } else {
      bargeIn.clear(nowMs);
      this.#down.cut(this.#session?.voidBelowSeq ?? 0);
    }
    this.#playing = null;
    this.#playout.clear(nowMs);
    for (
      let name = this.#playout.takeMark(nowMs);
      name !== null;
      name = this.#playout.takeMark(nowMs)
    ) {
      this.#socket!.sendText(this.#echo(name));
    }
  }

  #adopt(index: number): boolean {
    if (this.#session !== null) return false;
    const session = this.#parts.sessionByIndex(index);
    if (session === undefined || session.listener !== null) return false;
    this.claim(session);
    return true;
  }

  #arrivedAtPhone(seq: number, endOffset: number): void {
    const item = this.#session?.itemOf(seq);
    if (item === undefined) return;
    this.#playing = item;
    item.receivedBytes = (seq - item.firstSeq) * FRAME_BYTES + item.frameBytes(seq);
    item.endPlayMs = this.#pieceStartMs + endOffset / 8;
    if (seq !== item.firstSeq) return;
    const nowMs = performance.now();
    if (item.intoSilence) {
      this.#meters.downlink.record(nowMs - item.firstDeltaMs);
      this.#meters.recentDownlink.record(nowMs - item.firstDeltaMs);
    }
    if (!this.#heardAnything) {
      this.#heardAnything = true;
      this.#meters.greeting.record(nowMs - this.#liveSinceMs);
    }
  }

  // --- from the model's side ------------------------------------------------------------------------

  /** This session is this call's, from now on. False: the call is over. */
  claim(session: ModelSession): boolean {
    if (this.#stage !== "live") return false;
    if (this.#session === session) return true;
    if (session.fault !== null) this.#blame(session.fault);
    this.#session = session;
    session.listener = this;
    this.#down.follow(session.index, 0);
    this.#steadyFromSeq = this.#frames;
    return true;
  }

  uplink(message: Buffer, start: number, end: number): void {
    if (end - start === FRAME_CHARS && this.#up.pushFrameText(message, start)) return;
    const audio = decode(message, start, end);
    this.#up.push(audio.bytes, 0, audio.length);
  }

  #arrivedAtModel(seq: number, body: number): void {
    if (seq < this.#steadyFromSeq || this.#frames - seq >= RING) return;
    const ms = performance.now() - this.#sentAtMs[seq % RING]!;
    if (body === SILENT) this.#meters.uplinkIdle.record(ms);
    else {
      this.#meters.uplink.record(ms);
      this.#meters.recentUplink.record(ms);
      this.#meters.scraper?.uplink.record(ms);
    }
  }

  /** Nothing more can arrive at the model: what did not is lost. Idempotent. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#up.end(Math.max(0, this.#frames - TAIL_FRAMES));
    this.#meters.framesCutOff += this.#frames - this.#up.next;
  }

  /** The relay closed the model's side while the caller is on the line. It may open another. */
  sessionLost(session: ModelSession): void {
    if (session === this.#session) this.#blame("the model's session was closed in mid-call");
  }

  isSilent(nowMs: number): boolean {
    return this.#playout.unplayedMs(nowMs) === 0 && this.#stage === "live";
  }

  interrupted(session: ModelSession, unheard: readonly SpokenItem[], nowMs: number): void {
    this.#settle(nowMs, false);
    if (this.#stage !== "live" || session !== this.#session) return;
    if (this.#spokeUpMs !== NEVER && unheard.length > 0)
      this.#meters.hold.record(this.#lastMediaMs - this.#spokeUpMs);
    this.#spokeUpMs = NEVER;
    if (unheard.length > 0) this.#bargeIn = new BargeIn(unheard, nowMs);
  }

  responseBegins(session: ModelSession, nowMs: number): void {
    this.#settle(nowMs, false);
    // Deltas that an interruption made late need not have been played.
    if (session === this.#session) this.#down.cut(session.voidBelowSeq);
  }

  truncated(item: SpokenItem, audioEndMs: number): void {
    this.#bargeIn?.truncate(item, audioEndMs);
  }

  /** @param early  true: the call ends before the relay's time to react is over, so nothing is held against it. */
  #settle(nowMs: number, early: boolean): void {
    const bargeIn = this.#bargeIn;
    if (bargeIn === null) return;
    this.#bargeIn = null;
    if (!early || bargeIn.cleared || nowMs - bargeIn.atMs > PATIENCE_MS)
      bargeIn.judge(this.#meters);
    this.#down.cut(this.#session?.voidBelowSeq ?? 0);
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
