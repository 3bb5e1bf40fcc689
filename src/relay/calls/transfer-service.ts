import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import type { CallSid } from "../../domain/ids.js";
import type { TransferNext, TransferRequest } from "../../domain/transfer-request.js";
import type { TransferSnapshot } from "../../transfer/transfer-deps.js";
import type { Twiml } from "../../wire/twiml.js";
import type { CallEventLog } from "../call/call-event-log.js";
import type { CallbackKind, Form } from "./call-service.js";

/** A call as its transfer sees it, on whichever path. */
export interface TransferredCall {
  readonly path: "media-stream" | "sip";
  readonly parties: CallParties;
  readonly agent: AgentProfile;
  readonly eventLog: CallEventLog;
  /** BCP 47 tag. */
  readonly language: string;
  /** A stream of ours carries the caller. */
  readonly hasStream: boolean;
  closeStream(): void;
  /** The model has something to tell the caller. */
  oweReply(fact: string): void;
  transferEnded(next: TransferNext): void;
  callerGone(): void;
  /** SIP: the model's call while it is with the caller, else null. */
  readonly callId?: string | null;
}

/** The transfers of all calls, as the calls see them. A call may have any number of them, one after the other. */
export interface TransferService {
  /** Ends by `transferEnded`, also when the transfer is refused. */
  begin(call: TransferredCall, request: TransferRequest): void;
  /** It will begin once the farewell is over: whatever happens to this process, the caller gets there. */
  announce(call: TransferredCall, request: TransferRequest): void;
  /** An event of the conference in which a caller of the SIP path has been from the start. */
  conference(callSid: CallSid, form: Form): void;
  callerGone(callSid: CallSid): void;
  /** /transfer-status and its pages. */
  status(form: Form, query: Form): Promise<Twiml>;
  callback(kind: CallbackKind, form: Form, query: Form): void;
  /** Twilio asks what follows the stream while the transfer is still on its way. */
  meanwhile(callSid: CallSid): Promise<Twiml>;
  /** Twilio asks what follows the stream of a call that another process had. Null: it left no transfer unfinished. */
  resume(callSid: CallSid, form: Form): Promise<Twiml | null>;
  /** Apology and the agent's default destination; for callers whose agent failed or is not to be had. */
  fallback(agent: AgentProfile, callSid: CallSid, form: Form): Twiml;
  /** A transfer of the call is remembered here. */
  knows(callSid: CallSid): boolean;
  /** The call is over. */
  forget(callSid: CallSid): void;
  /** Timers stop; states are persisted already. */
  close(): void;
}

/** A transfer as nodes share it. Plain JSON. */
export interface KeptTransfer extends TransferSnapshot {
  /** Name of the agent whose directory is meant. */
  readonly agent: string;
  /** When the call was opened, ms since the epoch; null: this process did not see it. */
  readonly openedEpochMs: number | null;
}

/** Where nodes keep what they share; without it, a transfer outlives its process only by its URLs. */
export interface TransferStates {
  /** Never waits and never throws; the last write of a call wins. */
  keep(callSid: CallSid, transfer: KeptTransfer): void;
  find(callSid: CallSid): Promise<KeptTransfer | null>;
  /** Counts one more transfer to a destination, by all processes. @returns how many there were in this hour. */
  count(destination: string): Promise<number>;
}
