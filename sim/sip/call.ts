/** One SIP call as the model's end sees it: rings until somebody accepts it by REST, then has a session of its own. */
import type { SimClock, SimTimer } from "../clock.js";
import type { JsonObject } from "../model/check.js";
import type { ModelSession } from "../model/session.js";
import type { SipSide } from "../model/session-types.js";
import { Story } from "../twilio/story.js";
import type { CalledEnd, CarrierEnd, Invite, SipHeader } from "./line.js";

/** Why a call is over. */
export type SipEnding =
  /** The caller, or whoever added this leg. */
  | "caller"
  /** `hangup`. */
  | "hangup"
  /** `refer`, and the carrier took it. */
  | "refer"
  | "reject"
  /** Nobody accepted in time. */
  | "rang_out"
  /** The session's sixty minutes. */
  | "expired"
  /** The model's end broke. */
  | "died";

export interface SipCallDesk {
  readonly clock: SimClock;
  /** How long it rings. */
  readonly ringMs: number;
  readonly playSpeed: number;
  /** Makes the session of an accepted call. */
  open(call: SipCall, side: SipSide): ModelSession;
}

/** Between the acceptance and the moment both sides hear each other. */
const ANSWER_MS = 20;

export class SipCall implements CalledEnd {
  /** `rtc_…`. */
  readonly id: string;
  readonly uri: string;
  readonly headers: readonly SipHeader[];
  /** What the webhook bears. */
  readonly body: string;
  readonly story: Story;
  /** Keys that the caller pressed. */
  readonly keys: string[] = [];
  session: ModelSession | null = null;
  ending: SipEnding | null = null;
  /** `target_uri` of refers, taken or not. */
  readonly refers: string[] = [];
  /** Resolves when it is over. */
  readonly ended: Promise<SipEnding>;
  readonly #desk: SipCallDesk;
  readonly #carrier: CarrierEnd;
  readonly #ringing: SimTimer;
  #resolveEnded: (ending: SipEnding) => void = () => {};

  constructor(id: string, body: string, invite: Invite, carrier: CarrierEnd, desk: SipCallDesk) {
    this.id = id;
    this.body = body;
    this.uri = invite.uri;
    this.headers = invite.headers;
    this.#carrier = carrier;
    this.#desk = desk;
    this.story = new Story(() => desk.clock.nowMs());
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#ringing = desk.clock.after(desk.ringMs, () => this.#refuse("rang_out", 480));
    this.story.add("invite", { to: invite.uri });
  }

  get state(): "ringing" | "live" | "over" {
    if (this.ending !== null) return "over";
    return this.session === null ? "ringing" : "live";
  }

  /** The first header of that name, whatever its case. */
  header(name: string): string | null {
    const folded = name.toLowerCase();
    return this.headers.find((header) => header.name.toLowerCase() === folded)?.value ?? null;
  }

  // --- by REST -----------------------------------------------------------------------------------------

  accept(session: JsonObject): void {
    this.#ringing.cancel();
    this.story.add("accepted", { model: String(session["model"]) });
    this.session = this.#desk.open(this, {
      accepted: session,
      playSpeed: this.#desk.playSpeed,
      speaking: (on) => {
        this.story.add("speaking", { on });
        this.#carrier.speaking(on);
      },
      expired: () => this.#end("expired", 1001),
    });
    this.#desk.clock.after(ANSWER_MS, () => {
      if (this.ending === null) this.#carrier.answered();
    });
  }

  reject(status: number): void {
    this.#refuse("reject", status);
  }

  hangUp(): void {
    this.#end("hangup");
  }

  /** A carrier that does not do that leaves the call where it is. */
  refer(target: string): void {
    this.refers.push(target);
    const answer = this.#carrier.refer(target);
    this.story.add("refer", { target, answer });
    if (answer === "accepted") this.#end("refer");
  }

  // --- by the carrier ----------------------------------------------------------------------------------

  bye(): void {
    if (this.ending !== null) return;
    this.#ringing.cancel();
    this.#over("caller", 1000);
  }

  audio(frame: Uint8Array): void {
    this.session?.hear(Buffer.from(frame));
  }

  key(digit: string): void {
    if (this.state !== "live") return;
    this.keys.push(digit);
    this.story.add("key", { key: digit });
    this.session?.send({
      type: "input_audio_buffer.dtmf_event_received",
      event: digit,
      received_at: Math.floor(Date.now() / 1000),
    });
  }

  // --- by a test -----------------------------------------------------------------------------------------

  /** The model's end breaks: the line drops, the sideband dies without a word. */
  die(): void {
    if (this.ending !== null) return;
    if (this.session === null) {
      this.#refuse("died", 503);
      return;
    }
    this.session.crash();
    this.#end("died", 1006);
  }

  /** As if the caller had gone while it rang. */
  vanish(): void {
    this.#refuse("rang_out", 487);
  }

  #refuse(ending: SipEnding, status: number): void {
    if (this.state !== "ringing") return;
    this.#ringing.cancel();
    this.#over(ending, 1000);
    this.#carrier.refused(status);
  }

  #end(ending: SipEnding, code = 1000): void {
    if (this.ending !== null) return;
    this.#over(ending, code);
    this.#carrier.ended();
  }

  #over(ending: SipEnding, code: number): void {
    this.ending = ending;
    this.story.add("ended", { by: ending });
    this.session?.endCall(code);
    this.#resolveEnded(ending);
  }
}
