/**
 * One SIP call as the model's end sees it: it rings until REST accepts it, and then has a session
 * of its own.
 */
import { ULAW_SILENCE } from "../audio/mulaw.js";
import type { SimClock, SimTimer } from "../clock.js";
import { EventLog } from "../event-log.js";
import type { JsonObject } from "../model/check.js";
import type { ModelSession } from "../model/session.js";
import type { SipSessionLink } from "../model/session-types.js";
import type { Invite, SipCallee, SipCarrier, SipHeader } from "./endpoints.js";

/** Why a call is over. */
export type SipEnding =
  /** The caller, or the carrier that dialled this leg. */
  | "caller"
  /** `hangup`. */
  | "hangup"
  /** `refer`, and the carrier took it. */
  | "refer"
  | "reject"
  /** It was not accepted in time. */
  | "rang_out"
  /** The session's sixty minutes. */
  | "expired"
  /** The model's end broke. */
  | "died";

export interface SipCallOptions {
  readonly clock: SimClock;
  /** How long it rings. */
  readonly ringMs: number;
  readonly playSpeed: number;
  /** Makes the session of an accepted call. */
  open(link: SipSessionLink): ModelSession;
}

/** From the acceptance to the moment at which both sides hear each other. */
const ANSWER_MS = 20;

export class SipCall implements SipCallee {
  /** `rtc_…`. */
  readonly id: string;
  readonly uri: string;
  readonly headers: readonly SipHeader[];
  /** The body of its webhook. */
  readonly body: string;
  readonly events: EventLog;
  /** Keys that the caller pressed. */
  readonly keys: string[] = [];
  session: ModelSession | null = null;
  ending: SipEnding | null = null;
  /** `target_uri` of refers, taken or not. */
  readonly refers: string[] = [];
  /** Resolves when it is over. */
  readonly ended: Promise<SipEnding>;
  readonly #options: SipCallOptions;
  readonly #carrier: SipCarrier;
  readonly #ringing: SimTimer;
  #resolveEnded: (ending: SipEnding) => void = () => {};

  constructor(
    id: string,
    body: string,
    invite: Invite,
    carrier: SipCarrier,
    options: SipCallOptions,
  ) {
    this.id = id;
    this.body = body;
    this.uri = invite.uri;
    this.headers = invite.headers;
    this.#carrier = carrier;
    this.#options = options;
    this.events = new EventLog(() => options.clock.nowMs());
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#ringing = options.clock.after(options.ringMs, () => this.#refuse("rang_out", 480));
    this.events.add("invite", { to: invite.uri });
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

  // --- by REST ---------------------------------------------------------------------------------

  accept(session: JsonObject): void {
    this.#ringing.cancel();
    this.events.add("accepted", { model: String(session["model"]) });
    this.session = this.#options.open({
      accepted: session,
      playSpeed: this.#options.playSpeed,
      speaking: (on) => {
        this.events.add("speaking", { on });
        this.#carrier.speaking(on);
      },
      expired: () => this.#end("expired", 1001),
    });
    this.#options.clock.after(ANSWER_MS, () => {
      if (this.ending === null) this.#carrier.answered();
    });
  }

  reject(status: number): void {
    this.#refuse("reject", status);
  }

  hangUp(): void {
    this.#end("hangup");
  }

  /** A carrier that takes no REFER leaves the call where it is. */
  refer(target: string): void {
    this.refers.push(target);
    const answer = this.#carrier.refer(target);
    this.events.add("refer", { target, answer });
    if (answer === "accepted") this.#end("refer");
  }

  // --- by the carrier --------------------------------------------------------------------------

  bye(): void {
    if (this.ending !== null) return;
    this.#ringing.cancel();
    this.#over("caller", 1000);
  }

  audio(frame: Uint8Array): void {
    this.session?.lineAudio(Buffer.from(frame));
  }

  speech(frame: Uint8Array): void {
    if (this.session?.playback == null) frame.fill(ULAW_SILENCE);
    else this.session.playback.next(frame);
  }

  key(digit: string): void {
    if (this.state !== "live") return;
    this.keys.push(digit);
    this.events.add("key", { key: digit });
    this.session?.send({
      type: "input_audio_buffer.dtmf_event_received",
      event: digit,
      received_at: Math.floor(Date.now() / 1000),
    });
  }

  // --- by a test -------------------------------------------------------------------------------

  /** The model's end breaks: the line drops, the sideband dies without a close frame. */
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
  cancelWhileRinging(): void {
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
    this.events.add("ended", { by: ending });
    this.session?.endCall(code);
    this.#resolveEnded(ending);
  }
}
