/**
 * Other processes of this service, on this machine and on others, as the calls know them. A single process has none. Types only;
 * implemented by `supervisor/` for the workers of one machine and by `adapters/store/` for nodes.
 */
import type { CallSid } from "../ports.js";
import type { Twiml } from "../wire/twiml.js";
import type { CallbackKind, Form, Refusal } from "./desk.js";

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
  | { readonly kind: "end" };

export type Answer =
  | { readonly kind: "twiml"; readonly twiml: Twiml }
  | { readonly kind: "refusal"; readonly refusal: Refusal | null }
  | { readonly kind: "done" };

/** What the others may ask of this process. */
export interface FleetMember {
  /** Null: the call is not known here. */
  answer(callSid: CallSid, question: Question): Promise<Answer | null>;
  /** Another process has the call's stream now. */
  moved(callSid: CallSid): void;
}

export interface Fleet {
  /** Once, before anything else. */
  join(member: FleetMember): void;
  /**
   * This process answers for the call from now on. Never waits and never throws.
   *
   * @param elsewhere  its webhook was answered by another process, which is told to let go.
   */
  hold(callSid: CallSid, elsewhere: boolean): void;
  /** The call is over; what still comes of it may be answered anywhere after a while. Never waits and never throws. */
  letGo(callSid: CallSid): void;
  /**
   * Puts a question to the process that answers for the call. Null: there is none, or it did not answer in time (a few
   * seconds). Never rejects.
   */
  ask(callSid: CallSid, question: Question): Promise<Answer | null>;
  /** True for the first of all processes that asks for this key within `ttlMs`. Bounded, and true when nobody can tell. */
  claimOnce(key: string, ttlMs: number): Promise<boolean>;
}
