import type { AgentProfile } from "../agent.js";
import type { CallSid } from "../ports.js";
import type { Twiml } from "../wire/twiml.js";
import type { Call } from "./call.js";
import type { CallbackKind, Form } from "./desk.js";
import type { TransferRequest } from "./transfer-request.js";

/** The transfers of all calls, as the calls see them. */
export interface TransferHub {
  begin(call: Call, request: TransferRequest): void;
  callerGone(callSid: CallSid): void;
  /** /transfer-status and its pages. */
  status(form: Form, query: Form): Promise<Twiml>;
  callback(kind: CallbackKind, form: Form, query: Form): void;
  /** Twilio asks what follows the stream while the transfer is still on its way. */
  meanwhile(callSid: CallSid): Twiml;
  /** Apology and the agent's default destination; for callers whose agent failed or is not to be had. */
  fallback(agent: AgentProfile, callSid: CallSid, form: Form): Twiml;
  /** A transfer of the call is remembered here. */
  knows(callSid: CallSid): boolean;
  /** The call is over. */
  forget(callSid: CallSid): void;
  /** Timers stop; states are persisted already. */
  close(): void;
}
