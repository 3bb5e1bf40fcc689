/**
 * Other processes of this service, on this machine and on others, as the calls know them. A single process has none.
 * Implemented by `supervisor/` for the workers of one machine and by `adapters/store/` for nodes.
 */
import type { CallSid } from "../ports.js";
import type { Twiml } from "../wire/twiml.js";
import type { CallbackKind, Form, Refusal } from "./desk.js";
import type { SipInvite } from "./sip-invite.js";
import type { HistoryItem } from "./voice-session.js";

/** What is put to the process that answers for a call. Plain data: it travels as JSON. */
export type Question =
  | { readonly kind: "connect_ended"; readonly form: Form }
  | { readonly kind: "transfer_status"; readonly form: Form; readonly query: Form }
  | {
      readonly kind: "callback";
      readonly callback: CallbackKind;
      readonly form: Form;
      readonly query: Form;
    }
  | { readonly kind: "transfer"; readonly destination: string; readonly reason: string | null }
  /** A leg of this call rings at the model. */
  | { readonly kind: "sip_invited"; readonly invite: SipInvite }
  | { readonly kind: "end" }
  /** The call's stream has arrived here: what is to be known of it? */
  | { readonly kind: "stream_elsewhere" };

/** What the process that has a call's stream takes over from the one that waited for it. */
export interface Heritage {
  /** The caller was on the line before and comes back; else the call has just begun. */
  readonly returning: boolean;
  readonly history: readonly HistoryItem[];
  /** The agent has something to say first. */
  readonly owesAnswer: boolean;
  /** What the customer database knows, as it is told to the model; null: nothing. */
  readonly facts: string | null;
  readonly language: string;
  readonly callToken: string | null;
}

export type Answer =
  | { readonly kind: "twiml"; readonly twiml: Twiml }
  | { readonly kind: "refusal"; readonly refusal: Refusal | null }
  | { readonly kind: "heritage"; readonly heritage: Heritage }
  | { readonly kind: "done" };

/** What the others may ask of this process. */
export interface FleetMember {
  /** Null: the call is not known here, or nothing can be said of it. Never rejects. */
  answer(callSid: CallSid, question: Question): Promise<Answer | null>;
  /** Another process has the call's stream now. */
  moved(callSid: CallSid): void;
}

export interface Fleet {
  /** Once, before anything else. */
  join(member: FleetMember): void;
  /** This process answers for the call from now on; whoever did before is told. Never waits and never throws. */
  hold(callSid: CallSid): void;
  /** The call is over; what still comes of it may be answered anywhere after a while. Never waits and never throws. */
  letGo(callSid: CallSid): void;
  /**
   * Puts a question to the process that answers for the call. Null: there is none, or it did not answer in time (a few
   * seconds). Never rejects.
   */
  ask(callSid: CallSid, question: Question): Promise<Answer | null>;
  /**
   * True for the first of all processes that asks for this key within `ttlMs`. Null: nobody can tell now. Answers within half a
   * second or so, and never rejects.
   */
  claimOnce(key: string, ttlMs: number): Promise<boolean | null>;
}

/** Processes of this machine, which are near, and those of others: what the near ones cannot tell is asked of the far ones. */
export class TwoFleets implements Fleet {
  readonly #near: Fleet;
  readonly #far: Fleet;

  constructor(near: Fleet, far: Fleet) {
    this.#near = near;
    this.#far = far;
  }

  join(member: FleetMember): void {
    this.#near.join(member);
    this.#far.join(member);
  }

  hold(callSid: CallSid): void {
    this.#near.hold(callSid);
    this.#far.hold(callSid);
  }

  letGo(callSid: CallSid): void {
    this.#near.letGo(callSid);
    this.#far.letGo(callSid);
  }

  async ask(callSid: CallSid, question: Question): Promise<Answer | null> {
    return (await this.#near.ask(callSid, question)) ?? (await this.#far.ask(callSid, question));
  }

  /** What is far knows of all; what is near, only while that is away. */
  async claimOnce(key: string, ttlMs: number): Promise<boolean | null> {
    return (await this.#far.claimOnce(key, ttlMs)) ?? (await this.#near.claimOnce(key, ttlMs));
  }
}
