import type { AgentProfile, AgentsFile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import type { CallSid } from "../../domain/ids.js";
import type { CallPath as PathName } from "../../domain/record-event.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { TransferSnapshot } from "../../transfer/transfer-deps.js";
import type { Twiml } from "../../wire/twiml.js";
import type { CallCommand } from "../call/call-command.js";
import type { CallEventLog } from "../call/call-event-log.js";
import type { CallbackKind, Form, LinkOf } from "./callback-link.js";

/** A call as its transfer sees it, on either path. */
export interface TransferredCall {
  readonly parties: CallParties;
  readonly agent: AgentProfile;
  readonly eventLog: CallEventLog;
  /** BCP 47 tag. */
  readonly language: string;
  readonly path: {
    readonly name: PathName;
    /** A Media Streams socket of this process carries the caller's audio. */
    readonly hasStream: boolean;
    /** The model is with the caller, and stays while a human is asked to join. */
    readonly agentIsHere: boolean;
    /** Brings the caller back to the agent. */
    arrivalTwiml(say: boolean): Twiml;
  };
  execute(command: CallCommand): unknown;
}

/** What transfers need of the calls. */
export interface TransferCalls {
  readonly agents: AgentsFile;
  find(callSid: CallSid): TransferredCall | undefined;
  /** Takes over a caller whose call another process had. Null: there is no room. */
  takeBack(callSid: CallSid, agent: AgentProfile, form: Form): TransferredCall | null;
}

/**
 * The transfers of all calls, as the calls see them. A call may have any number of them, one after
 * the other.
 */
export interface TransferService {
  /**
   * Ends by the command `transfer_ended`, also when the transfer is refused.
   *
   * @param how  `follows`: Twilio asks what follows (`whatFollows`), so that no request is needed.
   */
  begin(call: TransferredCall, request: TransferRequest, how?: "redirect" | "follows"): void;
  /**
   * The transfer will begin once the farewell is over. Stores it, so that the caller gets there
   * even if this process dies.
   */
  announce(call: TransferredCall, request: TransferRequest): void;
  /** An event of the conference in which a caller of the SIP path has been from the start. */
  conference(callSid: CallSid, form: Form): void;
  callerGone(callSid: CallSid): void;
  /** /transfer-status and its pages. */
  status(form: Form, link: LinkOf<"transfer">): Promise<Twiml>;
  callback(kind: CallbackKind, form: Form, link: LinkOf<"transfer">): void;
  /** /transfer-status without a link, of the caller's call. Null: no transfer is known here. */
  documentEnded(callSid: CallSid, form: Form): Twiml | null;
  /** Twilio asks what follows while the transfer is on its way. */
  whatFollows(callSid: CallSid): Promise<Twiml>;
  /** The same for a call that another process had. Null: it left no transfer unfinished. */
  resume(callSid: CallSid, form: Form): Promise<Twiml | null>;
  /**
   * Takes over the unfinished transfer of a dead process for which Twilio sends no callback.
   *
   * @throws RelayError `store_unavailable`: its state cannot be read.
   */
  recover(callSid: CallSid): Promise<void>;
  /** Apology and the agent's default destination, for callers of a process that is gone. */
  fallback(agent: AgentProfile, callSid: CallSid, form: Form): Twiml;
  /** This process knows a transfer of the call. */
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
  /** When this was stored, ms since the epoch. Absent: an older version stored it. */
  readonly keptEpochMs?: number;
}

/**
 * Stored state of transfers, which nodes share. Without it, a transfer outlives its process only by
 * its URLs.
 */
export interface TransferStates {
  /** Never waits and never throws; the last write of a call wins. */
  keep(callSid: CallSid, transfer: KeptTransfer): void;
  find(callSid: CallSid): Promise<KeptTransfer | null>;
  /**
   * Counts one more transfer to a destination, by all processes. @returns how many there were in
   * this hour.
   */
  count(destination: string): Promise<number>;
}
