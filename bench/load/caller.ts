/**
 * One call as Twilio and the person at the phone make it: webhook, stream, talk and silence,
 * hanging up.
 */
import { randomBytes } from "node:crypto";
import type { Random } from "../random.js";
import { CallerBehavior } from "./caller-behavior.js";
import { CallerUplink } from "./caller-uplink.js";
import type { Meters } from "./meters.js";
import type { ModelSession, SessionListener } from "./model-session.js";
import { Phone } from "./phone.js";
import { PhoneLine } from "./phone-line.js";
import { textFrame } from "./phone-socket.js";
import type { Scenario } from "./scenario.js";
import type { SpokenItem } from "./spoken-item.js";
import {
  post,
  readStream,
  type StreamOrder,
  signature,
  type TwilioAccount,
} from "./twilio-account.js";
import type { Wheel, WheelMember } from "./wheel.js";

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

const NO_SESSION_MS = 10_000;
/** An answer that is still being played when the caller hangs up is not lost. */
const PLAYED_OUT_MS = 1500;
const NO_FRAME = -1;

export class Caller implements WheelMember, SessionListener {
  readonly id: number;
  readonly callSid: string;
  readonly #parts: CallerParts;
  readonly #meters: Meters;
  readonly #streamSid: string;
  readonly #uplink: CallerUplink;
  readonly #phone: Phone;
  readonly #endMs: number;
  #behavior: CallerBehavior | null = null;
  #line: PhoneLine | null = null;
  #order: StreamOrder | null = null;
  #session: ModelSession | null = null;
  #stage: "setup" | "live" | "hanging-up" | "over" = "setup";
  #startedMs: number;
  #liveSinceMs = 0;
  #failed = false;

  /** @param endMs  when the caller hangs up. */
  constructor(id: number, endMs: number, parts: CallerParts) {
    this.id = id;
    this.#parts = parts;
    this.#meters = parts.meters;
    this.#endMs = endMs;
    this.#startedMs = performance.now();
    // A relay that outlives the run must take the calls of the next one for new.
    const random = randomBytes(10).toString("hex");
    const hex = `bec4${random}${id.toString(16).padStart(8, "0")}`;
    this.callSid = `CA${hex}`;
    this.#streamSid = `MZ${hex}`;
    this.#uplink = new CallerUplink(id, this.#streamSid, parts);
    this.#phone = this.#makePhone();
  }

  #makePhone(): Phone {
    const { meters, wheel, scenario } = this.#parts;
    const caller = this;
    const host = {
      get session() {
        return caller.#session;
      },
      adopt: (index: number) => this.#adopt(index),
      echo: (name: string) => this.#line?.sendText(this.#uplink.echo(name)),
      violation: (reason: string) => {
        this.#blame(reason);
        this.#line?.close(1007);
      },
    };
    const { delayMs, jitterMs } = scenario.network.toPhone;
    return new Phone(host, meters, wheel, delayMs + jitterMs);
  }

  // --- the call's course -------------------------------------------------------------------------

  /** Dials: voice webhook, then the stream that the answer asks for. */
  async dial(): Promise<void> {
    const { account, webhookUrl } = this.#parts;
    this.#meters.callsStarted++;
    this.#startedMs = performance.now();
    try {
      const answer = await post(account, webhookUrl, this.#form("ringing"));
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
      this.#fail(`voice webhook: ${text(error)}`);
    }
  }

  get live(): boolean {
    return this.#stage === "live";
  }

  #connect(order: StreamOrder): void {
    const { account, scenario, random } = this.#parts;
    const headers = { "X-Twilio-Signature": signature(account, order.url, {}) };
    const { network } = scenario;
    const direct = [network.toRelay, network.toPhone].every(
      ({ delayMs, jitterMs }) => delayMs === 0 && jitterMs === 0,
    );
    this.#line = new PhoneLine(new URL(order.url), headers, direct ? null : network, random, {
      opened: () => this.#opened(order),
      text: (bytes, start, end, leftMs) => {
        if (this.#stage === "live") this.#phone.receive(bytes, start, end, leftMs);
      },
      delivered: (seq, atMs) => this.#uplink.delivered(seq, atMs),
      closed: (code, refused) => this.#closed(code, refused),
    });
  }

  #opened(order: StreamOrder): void {
    const nowMs = performance.now();
    this.#meters.setup.record(nowMs - this.#startedMs);
    this.#stage = "live";
    this.#liveSinceMs = nowMs;
    this.#meters.callsLive++;
    this.#behavior = this.#makeBehavior(nowMs);
    const line = this.#line!;
    line.sendText(JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" }));
    const start = {
      accountSid: this.#parts.account.accountSid,
      streamSid: this.#streamSid,
      callSid: this.callSid,
      tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      customParameters: order.parameters,
    };
    line.sendText(this.#uplink.event("start", { start }));
    this.#phone.begin(nowMs);
    this.#parts.wheel.add(this);
  }

  #makeBehavior(nowMs: number): CallerBehavior {
    const { delayMs } = this.#parts.scenario.network.toRelay;
    const phone = this.#phone;
    const session = (): ModelSession | null => this.#session;
    return new CallerBehavior(
      this.#parts,
      {
        isPlaying: (atMs) => phone.isPlaying(atMs),
        get heardAnything() {
          return phone.heardAnything;
        },
        get connected() {
          return session() !== null;
        },
        hasHeardFrom: (seq) => phone.hasHeardFrom(seq),
        get heardAll() {
          return phone.heardAll;
        },
        get madeSeq() {
          return session()?.nextSeq ?? 0;
        },
        get modelBusy() {
          return session()?.busy ?? false;
        },
        dryMs: (atMs) => phone.dryMs(atMs),
        talks: (atMs) => {
          phone.callerTalks(atMs);
          session()?.callerTalks(atMs + delayMs);
        },
        pauses: (atMs) => {
          phone.callerPauses(atMs);
          session()?.callerPauses(atMs + delayMs);
        },
        gaveUp: () => phone.giveUp(),
      },
      nowMs,
    );
  }

  /** The REST API was told to do something else with this call: Twilio ends the stream. */
  redirected(): void {
    if (this.#stage === "live") this.hangUp();
  }

  hangUp(): void {
    if (this.#stage !== "live") return;
    this.#leave();
    const stop = { accountSid: this.#parts.account.accountSid, callSid: this.callSid };
    this.#line!.sendText(this.#uplink.event("stop", { stop }));
    this.#line!.close(1000);
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
    this.#phone.leave(nowMs);
    const session = this.#session;
    if (session === null) this.#blame("the model was never reached");
    else if (!this.#phone.heardAnything) this.#blame("the caller never heard anything");
    if (session !== null && !session.busy && this.#phone.dryMs(nowMs) > PLAYED_OUT_MS)
      this.#phone.giveUp();
  }

  async #afterStream(): Promise<void> {
    const action = this.#order?.action ?? null;
    if (action !== null) {
      try {
        const answer = await post(this.#parts.account, action, this.#form("completed"));
        if (answer.status !== 200) this.#blame(`<Connect action> answered ${answer.status}`);
      } catch (error) {
        this.#blame(`<Connect action>: ${text(error)}`);
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
    if (!this.#failed) this.#meters.fail(reason);
    this.#failed = true;
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

  // --- every 20 ms -------------------------------------------------------------------------------

  tick(nowMs: number, dueMs: number): void {
    const behavior = this.#behavior!;
    this.#phone.ticked(dueMs);
    behavior.tick(nowMs);
    this.#sendTurn(behavior.talking, dueMs);
    this.#phone.watch(nowMs, dueMs, behavior.talking, behavior.replyOwed);
    if (this.#session === null && nowMs - this.#liveSinceMs > NO_SESSION_MS) this.hangUp();
    else if (nowMs >= this.#endMs) this.hangUp();
  }

  /** This tick's frame and the marks that became due, in one write. */
  #sendTurn(talking: boolean, dueMs: number): void {
    const line = this.#line!;
    const media = this.#uplink.next(talking);
    const seq = media === null ? NO_FRAME : this.#uplink.frames - 1;
    const mark = this.#phone.takeMark(dueMs);
    if (mark === null) {
      if (media !== null && !line.send(media, seq)) this.#uplink.giveAway();
      return;
    }
    const frames = media === null ? [] : [media];
    for (let name: string | null = mark; name !== null; name = this.#phone.takeMark(dueMs))
      frames.push(textFrame(this.#uplink.echo(name)));
    line.send(Buffer.concat(frames), seq);
  }

  // --- the model's side --------------------------------------------------------------------------

  #adopt(index: number): boolean {
    if (this.#session !== null) return false;
    const session = this.#parts.sessionByIndex(index);
    if (session === undefined || session.listener !== null) return false;
    return this.claim(session);
  }

  /** This session is this call's, from now on. False: the call is over. */
  claim(session: ModelSession): boolean {
    if (this.#stage !== "live") return false;
    if (this.#session === session) return true;
    if (session.fault !== null) this.#blame(session.fault);
    this.#session = session;
    session.listener = this;
    this.#phone.follow(session);
    this.#uplink.steady();
    return true;
  }

  uplink(message: Buffer, start: number, end: number): void {
    this.#uplink.reachedModel(message, start, end);
  }

  /** Nothing more can arrive at the model. Idempotent. */
  finish(): void {
    this.#uplink.finish();
  }

  /** The relay closed the model's side while the caller is on the line. It may open another. */
  sessionLost(session: ModelSession): void {
    if (session === this.#session) this.#blame("the model's session was closed in mid-call");
  }

  isSilent(nowMs: number): boolean {
    return this.#stage === "live" && !this.#phone.isPlaying(nowMs);
  }

  interrupted(session: ModelSession, unheard: readonly SpokenItem[], nowMs: number): void {
    this.#phone.settle(nowMs, false);
    if (this.#stage !== "live" || session !== this.#session) return;
    this.#phone.interrupted(unheard, nowMs);
  }

  responseBegins(session: ModelSession, nowMs: number): void {
    this.#phone.responseBegins(session, nowMs);
  }

  truncated(item: SpokenItem, audioEndMs: number): void {
    this.#phone.truncated(item, audioEndMs);
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
