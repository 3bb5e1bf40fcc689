import type { CallSid } from "../../domain/ids.js";

/** What any process needs to take over a caller whose model has not come yet. Plain JSON. */
export interface KeptSipCall {
  readonly agent: string;
  readonly from: string;
  readonly to: string;
  readonly callToken: string | null;
  /** The model's call, once it was taken. */
  readonly callId: string | null;
}

/** Stored state of calls on the SIP path, by which they survive their process. */
export interface SipStates {
  /** Never waits and never throws; the last write of a call wins. */
  keep(callSid: CallSid, call: KeptSipCall): void;
  /** Likewise. */
  drop(callSid: CallSid): void;
  find(callSid: CallSid): Promise<KeptSipCall | null>;
}
