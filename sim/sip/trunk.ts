/**
 * A simulated Elastic SIP Trunk: calls go straight to the model's address, without TwiML and REST.
 * `To` names the project, `Diversion` the number that was dialled, and only a REFER leads to a
 * person.
 *
 * ```ts
 * const { invite: sip, address } = model.sip;
 * const trunk = new Trunk({ sip, address, connections: twilio.connections });
 * const call = trunk.placeCall({ dialled: "+15550001111", refer: "transfer" });
 * await call.events.until("answered");
 * await call.say(clip);
 * call.hangUp();
 * ```
 */
import { type Paced, Pacer, realClock, type SimClock } from "../clock.js";
import { ConnectionLog } from "../connection-log.js";
import { EventLog } from "../event-log.js";
import { ClipVoice, FRAME_BYTES, FRAME_MS } from "../twilio/voice.js";
import type { SipCallee, SipCarrier, SipEndpoint, SipHeader } from "./endpoints.js";

export interface TrunkOptions {
  readonly sip: SipEndpoint;
  /** The trunk's origination URI. */
  readonly address: string;
  readonly clock?: SimClock;
  readonly connections?: ConnectionLog;
}

export interface TrunkCallFields {
  readonly from?: string;
  /** The number that was dialled. */
  readonly dialled?: string;
  /** Headers that the caller's own network adds. */
  readonly headers?: readonly SipHeader[];
  /** What becomes of a REFER. Default transfer. */
  readonly refer?: /** The target answers, and the two talk. */
    | "transfer"
    /** The target does not answer: the caller is lost, as a blind transfer loses them. */
    | "lost"
    | "refused"
    | "ignored";
}

/** From a REFER that was taken to the target's answer. */
const REFER_ANSWER_MS = 50;

export class TrunkCall implements Paced {
  readonly sid: string;
  readonly events: EventLog;
  readonly voice = new ClipVoice();
  /** Where a REFER took the caller. */
  referredTo: string | null = null;
  /** Resolves when the caller is off the line. */
  readonly ended: Promise<void>;
  readonly #clock: SimClock;
  readonly #connections: ConnectionLog;
  readonly #fields: TrunkCallFields;
  readonly #frame = new Uint8Array(FRAME_BYTES);
  readonly #leave: () => void;
  #called: SipCallee | null = null;
  #state: "ringing" | "model" | "moving" | "human" | "over" = "ringing";
  #speaks = false;
  #nextMs: number;
  #resolveEnded: () => void = () => {};

  constructor(
    sid: string,
    fields: TrunkCallFields,
    clock: SimClock,
    pacer: Pacer,
    connections: ConnectionLog,
  ) {
    this.sid = sid;
    this.#fields = fields;
    this.#clock = clock;
    this.#connections = connections;
    this.events = new EventLog(() => clock.nowMs());
    this.#nextMs = clock.nowMs();
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#leave = pacer.join(this);
  }

  get over(): boolean {
    return this.#state === "over";
  }

  dial(sip: SipEndpoint, uri: string, headers: readonly SipHeader[]): void {
    const carrier: SipCarrier = {
      answered: () => this.#become("model", "answered"),
      refused: (status) => this.#finish(`refused ${status}`),
      ended: () => {
        // The trunk itself hangs up a leg that a REFER has left.
        if (this.#state === "ringing" || this.#state === "model") this.#finish("model");
      },
      refer: (target) => this.#refer(target),
      speaking: (on) => {
        this.#speaks = on;
        this.#note();
      },
    };
    this.#called = sip({ uri, headers }, carrier);
  }

  say(audio: Uint8Array): Promise<void> {
    return this.voice.say(audio);
  }

  press(keys: string): void {
    for (const key of keys) this.#called?.key(key);
  }

  hangUp(): void {
    if (this.over) return;
    this.events.add("hang_up", { by: "party" });
    this.#finish("caller");
  }

  tick(nowMs: number): void {
    for (; this.#nextMs <= nowMs; this.#nextMs += FRAME_MS) {
      this.voice.next(this.#frame, 0);
      if (this.#state === "model") this.#called?.audio(this.#frame);
    }
  }

  #refer(target: string): "accepted" | "refused" | "ignored" {
    const { refer = "transfer" } = this.#fields;
    this.events.add("refer", { target, answer: refer });
    if (refer === "refused" || refer === "ignored") return refer;
    this.#state = "moving";
    this.#note();
    this.#clock.after(REFER_ANSWER_MS, () => {
      if (this.over) return;
      if (refer === "lost") this.#finish("lost");
      else {
        this.referredTo = target;
        this.#become("human", "dial_bridged");
      }
    });
    return "accepted";
  }

  #become(state: "model" | "human", what: "answered" | "dial_bridged"): void {
    this.#state = state;
    this.events.add(what, { to: this.referredTo ?? "model" });
    this.#note();
  }

  #finish(by: string): void {
    this.#state = "over";
    this.#leave();
    this.events.add("ended", { by });
    this.#note();
    this.#called?.bye();
    this.#resolveEnded();
  }

  #note(): void {
    const other =
      this.#state === "model" ? "model" : this.#state === "human" ? this.referredTo : null;
    this.#connections.note(this.sid, {
      live: this.#state !== "ringing" && this.#state !== "over",
      with: other === null ? [] : [other],
      talking: this.#state === "model" && this.#speaks ? ["model"] : [],
      sound: this.#state === "moving" ? "ringing" : null,
    });
  }
}

export class Trunk {
  readonly calls: TrunkCall[] = [];
  readonly connections: ConnectionLog;
  readonly #options: TrunkOptions;
  readonly #clock: SimClock;
  readonly #pacer: Pacer;

  constructor(options: TrunkOptions) {
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#pacer = new Pacer(this.#clock);
    this.connections = options.connections ?? new ConnectionLog(this.#clock);
  }

  placeCall(fields: TrunkCallFields = {}): TrunkCall {
    const { from = "+15550100001", dialled = "+15550001111", headers = [] } = fields;
    const sid = `trunk-${this.calls.length + 1}`;
    const call = new TrunkCall(sid, fields, this.#clock, this.#pacer, this.connections);
    this.calls.push(call);
    call.dial(this.#options.sip, this.#options.address, [
      { name: "From", value: `<sip:${from}@trunk.example.com>;tag=${sid}` },
      { name: "To", value: `<${this.#options.address}>` },
      { name: "Diversion", value: `<sip:${dialled}@twilio.com>;reason=unconditional` },
      { name: "Call-ID", value: `${sid}@192.0.2.9` },
      ...headers,
    ]);
    return call;
  }

  close(): void {
    for (const call of this.calls) call.hangUp();
  }
}
