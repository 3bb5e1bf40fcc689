/** One call leg: its status, its TwiML program, its streams, its events. */
import { EventLog } from "../event-log.js";
import type { SipCallee, SipEndpoint } from "../sip/endpoints.js";
import { MachineVoice, machineTimes } from "./answering-machine.js";
import type { CallLeg, LegFields, LegStatus, RingOutcome, TwimlSource } from "./call-leg.js";
import type { TwilioContext } from "./context.js";
import type { ForkedStream } from "./forked-stream.js";
import type { MediaStream } from "./media-stream.js";
import type { Party } from "./party.js";
import { TwimlProgram } from "./program.js";
import { inviteModel, sipEndOf } from "./sip-leg.js";
import { statusForm } from "./status-form.js";
import { ClipVoice, type Voice } from "./voice.js";
import type { Form, Method } from "./web.js";

const FINAL: readonly LegStatus[] = ["completed", "busy", "no-answer", "failed", "canceled"];

export class Leg implements CallLeg {
  readonly sid: string;
  readonly from: string;
  readonly to: string;
  readonly direction: LegFields["direction"];
  readonly parentSid: string | null;
  readonly party: Party;
  readonly fields: LegFields;
  readonly events: EventLog;
  /** What the relay did wrong in this leg. */
  readonly violations: string[] = [];
  /** In order; a call that comes back to the relay has several. */
  readonly streams: MediaStream[] = [];
  readonly forks: ForkedStream[] = [];
  readonly voice: Voice;
  /** Keys that came into this leg as tones, in order. */
  digitsHeard = "";
  /** When an answering machine begins to record: after its greeting and its beep. */
  recordsFromMs: number | null = null;
  readonly createdAt = new Date();
  answeredAtMs: number | null = null;
  endedAtMs: number | null = null;
  startedAt: Date | null = null;
  endedAt: Date | null = null;
  answeredBy: string | null = null;
  /** The model's end, of a leg that was dialled to it. */
  sipCallee: SipCallee | null = null;
  /** What it hears outside of a conference, and with whom it speaks there. */
  sound: string | null = null;
  bridgedWith: string | null = null;
  /** The model speaks on this leg. */
  modelSpeaking = false;
  /** Lets a call be made in this caller's name: `CallToken` of its webhooks. */
  readonly callToken: string;
  /** Resolves when the leg is over. */
  readonly ended: Promise<void>;
  readonly #twilio: TwilioContext;
  readonly #program: TwimlProgram;
  #status: LegStatus;
  #resolveEnded: () => void = () => {};
  #callbackSequence = 0;
  readonly #endings = new Set<() => void>();
  readonly #moves = new Set<() => void>();

  constructor(twilio: TwilioContext, fields: LegFields) {
    this.#twilio = twilio;
    this.fields = fields;
    this.sid = fields.sid ?? twilio.sid("CA");
    this.callToken = encodeURIComponent(
      JSON.stringify({ parentCallInfoToken: `token-of-${this.sid}` }),
    );
    this.from = fields.from;
    this.to = fields.to;
    this.direction = fields.direction;
    this.parentSid = fields.parentSid ?? null;
    this.party = fields.party;
    this.voice = fields.party.voice ?? this.#ownVoice(fields.party);
    this.events = new EventLog(() => twilio.clock.nowMs());
    this.#status = fields.direction === "outbound-api" ? "queued" : "ringing";
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#program = new TwimlProgram(twilio, this);
  }

  get accountSid(): string {
    return this.#twilio.accountSid;
  }

  get status(): LegStatus {
    return this.#status;
  }

  get over(): boolean {
    return FINAL.includes(this.#status);
  }

  /** The stream that is open now. */
  get stream(): MediaStream | null {
    const last = this.streams.at(-1);
    return last?.open === true ? last : null;
  }

  /** Seconds since the answer. */
  get durationS(): number {
    if (this.answeredAtMs === null) return 0;
    return Math.round(((this.endedAtMs ?? this.#twilio.clock.nowMs()) - this.answeredAtMs) / 1000);
  }

  // --- what the party at the phone does --------------------------------------------------------

  /** Speaks into the phone; resolves when it has been said. Needs a ClipVoice, the default. */
  say(audio: Uint8Array): Promise<void> {
    if (!(this.voice instanceof ClipVoice)) throw new Error("the party's voice takes no clips");
    return this.voice.say(audio);
  }

  /** Presses keys, 100 ms apart. */
  async press(keys: string): Promise<void> {
    for (const [i, key] of [...keys].entries()) {
      if (i > 0) await new Promise<void>((next) => this.#twilio.clock.after(100, next));
      if (this.over) return;
      this.events.add("key", { key });
      if (this.#program.key(key)) continue;
      this.stream?.press(key);
      this.#twilio.conferences.key(this, key);
    }
  }

  hangUp(): void {
    if (this.over) return;
    this.events.add("hang_up", { by: "party" });
    this.finish(this.answeredAtMs === null ? "canceled" : "completed");
  }

  // --- what Twilio does with it ----------------------------------------------------------------

  run(source: TwimlSource): void {
    this.#program.run(source);
    for (const moved of [...this.#moves]) moved();
  }

  /** The first voice webhook of an inbound call. */
  begin(url: string, method: Method): void {
    this.startedAt = new Date();
    this.#program.run({ url, method, first: true });
  }

  runWhisper(source: TwimlSource): Promise<boolean> {
    return this.#program.runWhisper(source);
  }

  answer(): void {
    if (this.#status !== "ringing" && this.#status !== "queued") return;
    this.#status = "in-progress";
    this.answeredAtMs = this.#twilio.clock.nowMs();
    this.events.add("answered");
    this.setSound(this.sound);
    this.callback("answered");
    const { hangUpAfterMs, machine } = this.party;
    if (machine !== undefined)
      this.recordsFromMs = this.answeredAtMs + machineTimes(machine).recordingMs;
    if (hangUpAfterMs !== undefined) this.#twilio.clock.after(hangUpAfterMs, () => this.hangUp());
  }

  setSound(sound: string | null): void {
    this.sound = sound;
    this.#twilio.conferences.noteLeg(this);
  }

  setBridgedWith(other: string | null): void {
    this.bridgedWith = other;
    this.#twilio.conferences.noteLeg(this);
  }

  hearDigits(digits: string, by: string): void {
    this.digitsHeard += digits.replace(/w/gi, "");
    this.events.add("digits", { digits, by });
  }

  ring(timeoutMs: number, signal: AbortSignal): Promise<RingOutcome> {
    this.callback("initiated");
    this.#status = "ringing";
    this.startedAt = new Date();
    this.callback("ringing");
    const model = sipEndOf(this.#twilio, this.to);
    if (model !== null) return this.#ringModel(model, timeoutMs, signal);
    const { outcome = "answer", afterMs = 50 } = this.party;
    return new Promise((resolve) => {
      const end = (result: RingOutcome) => {
        timer.cancel();
        signal.removeEventListener("abort", cancel);
        this.#endings.delete(gone);
        if (result === "answered") this.answer();
        else this.finish(result);
        resolve(result);
      };
      const cancel = () => end("canceled");
      // Ended from outside while it rang: by REST, or the called party's phone.
      const gone = () => resolve(this.#status === "in-progress" ? "answered" : "canceled");
      const silent = outcome === "no-answer" || (outcome === "answer" && afterMs > timeoutMs);
      const timer = this.#twilio.clock.after(silent ? timeoutMs : afterMs, () =>
        end(silent ? "no-answer" : outcome === "answer" ? "answered" : (outcome as RingOutcome)),
      );
      this.#endings.add(gone);
      if (signal.aborted) cancel();
      else signal.addEventListener("abort", cancel, { once: true });
    });
  }

  #ringModel(model: SipEndpoint, timeoutMs: number, signal: AbortSignal): Promise<RingOutcome> {
    const { end, outcome } = inviteModel(this, model, {
      ended: () => this.hangUp(),
      speaking: (speaks) => {
        this.modelSpeaking = speaks;
        this.#twilio.conferences.noteLeg(this);
      },
    });
    this.sipCallee = end;
    this.onEnd(() => end.bye());
    return new Promise((resolve) => {
      const settle = (result: RingOutcome) => {
        timer.cancel();
        signal.removeEventListener("abort", cancel);
        if (!this.over) {
          if (result === "answered") this.answer();
          else this.finish(result);
        }
        resolve(this.over && result === "answered" ? "canceled" : result);
      };
      const cancel = () => settle("canceled");
      const timer = this.#twilio.clock.after(timeoutMs, () => settle("no-answer"));
      void outcome.then(settle);
      this.onEnd(() => settle("canceled"));
      if (signal.aborted) cancel();
      else signal.addEventListener("abort", cancel, { once: true });
    });
  }

  finish(status: LegStatus): void {
    if (this.over) return;
    this.#status = status;
    this.endedAtMs = this.#twilio.clock.nowMs();
    this.endedAt = new Date();
    for (const ending of [...this.#endings]) ending();
    this.#program.stop();
    for (const stream of this.streams) stream.stop();
    this.events.add("ended", { status });
    this.setSound(null);
    this.callback("completed");
    this.#resolveEnded();
  }

  onEnd(run: () => void): () => void {
    if (this.over) {
      run();
      return () => {};
    }
    this.#endings.add(run);
    return () => this.#endings.delete(run);
  }

  onMove(run: () => void): () => void {
    this.#moves.add(run);
    return () => this.#moves.delete(run);
  }

  violation(text: string): void {
    if (this.violations.at(-1) !== text) this.violations.push(text);
  }

  form(more: Form = {}): Form {
    return {
      CallSid: this.sid,
      AccountSid: this.#twilio.accountSid,
      ApiVersion: "2010-04-01",
      From: this.from,
      To: this.to,
      Caller: this.from,
      Called: this.to,
      CallStatus: this.#status,
      Direction: this.direction,
      ...(this.parentSid === null ? {} : { ParentCallSid: this.parentSid }),
      ...(this.direction === "inbound"
        ? {
            FromCity: "",
            FromState: "",
            FromZip: "",
            FromCountry: "US",
            CallToken: this.callToken,
          }
        : {}),
      ...(this.answeredBy === null ? {} : { AnsweredBy: this.answeredBy }),
      ...this.fields.params,
      ...more,
    };
  }

  callback(event: "initiated" | "ringing" | "answered" | "completed"): void {
    const config = this.fields.callbacks;
    if (config === null || config === undefined || !config.events.includes(event)) return;
    this.#twilio.callback(
      this,
      config.url,
      this.form(statusForm(this, event, this.#callbackSequence++)),
      `call ${event}`,
      config.method,
    );
  }

  #ownVoice({ machine }: Party): Voice {
    if (machine === undefined) return new ClipVoice();
    const { clock } = this.#twilio;
    return new MachineVoice(machine, () =>
      this.answeredAtMs === null ? 0 : clock.nowMs() - this.answeredAtMs,
    );
  }
}
