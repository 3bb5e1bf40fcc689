/** What a transfer needs from its surroundings, and what it stores there. Types only. */
import type { AgentProfile } from "../domain/agent-profile.js";
import type { CallSid } from "../domain/ids.js";
import type { RecordEvent } from "../domain/record-event.js";
import type {
  CallTransferRequest,
  TransferFailure,
  TransferNext,
  TransferOutcome,
} from "../domain/transfer-request.js";
import type { Metrics } from "../ports/metrics.js";
import type { Twiml } from "../wire/twiml.js";
import type { OnStream, TransferState } from "./transfer-events.js";
import type { TransferUrl } from "./transfer-link.js";
import type { RequestDeps } from "./transfer-requests.js";

/** The owner of the call that a transfer belongs to. None of these may throw. */
export interface TransferHost {
  readonly url: TransferUrl;
  /** Ms since the call was opened. */
  atMs(): number;
  journal(event: RecordEvent): void;
  /** The state after each change: what any node needs to go on. */
  persist(snapshot: TransferSnapshot): void;
  /**
   * A document that takes the caller back to the agent, who is told of the failure. Twilio may ask
   * for it twice.
   */
  returnTwiml(failure: TransferFailure): Twiml;
  onStream(): OnStream;
  /** Ends our side of the stream: Twilio then asks what follows, see `Transfer.streamFollowed`. */
  closeStream(): void;
  /**
   * Exactly once. With "back_to_agent", the caller comes on a new stream, or is still on the old
   * one.
   */
  ended(ending: TransferEnding): void;
  /**
   * After `ended` with "back_to_agent": the caller hung up, or Twilio did not let us fetch them.
   */
  lost(): void;
}

export interface TransferEnding {
  readonly destination: string;
  readonly outcome: TransferOutcome;
  readonly next: TransferNext;
}

export interface TransferDeps extends RequestDeps {
  readonly metrics: Pick<Metrics, "transfers">;
  /** Tells the CRM; resolves with its name for the case. Null: there is none. */
  readonly escalate:
    | ((request: CallTransferRequest, agent: string) => Promise<string | null>)
    | null;
  /** Where the human finds the call's record; null: nowhere that they could open. */
  readonly recordUrl: ((callSid: CallSid) => string) | null;
  /** An audio file that Twilio can fetch; null: words only. */
  readonly holdMusicUrl: string | null;
}

/** Plain JSON. */
export interface TransferSnapshot {
  readonly version: 2;
  readonly request: CallTransferRequest;
  readonly state: TransferState;
}

export interface TransferStart {
  readonly request: CallTransferRequest;
  readonly agent: AgentProfile;
  readonly host: TransferHost;
  /**
   * Above every number that documents and consult legs of earlier transfers of this call have had;
   * default 1.
   */
  readonly firstRevision?: number;
  /** The caller is in the conference already, with the agent. */
  readonly agentStays?: boolean;
  /**
   * For a transfer that is taken over: when its state was last stored, ms since the epoch. Its
   * consult leg is not older. Default: now.
   */
  readonly keptEpochMs?: number;
}
