import type { CallSid } from "../../domain/ids.js";

/** What any process needs to take a caller over before their model is there. Plain JSON. */
export interface KeptSipCall {
  readonly agent: string;
  readonly from: string;
  readonly to: string;
  readonly callToken: string | null;
  /** The model's call, once it was taken. */
  readonly callId: string | null;
}

/** Where calls on the SIP path survive their process. */
export interface SipStates {
  /** Never waits and never throws; the last write of a call wins. */
  keep(callSid: CallSid, call: KeptSipCall): void;
  /** Likewise. */
  drop(callSid: CallSid): void;
  find(callSid: CallSid): Promise<KeptSipCall | null>;
}
