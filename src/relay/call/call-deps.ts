/** What a call needs from its surroundings. Types only. */
import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import type { CallJournal, TokenUsage } from "../../domain/record-event.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { BlockPool } from "../../playout/block-pool.js";
import type { Clock } from "../../ports/clock.js";
import type { Crm } from "../../ports/crm.js";
import type { Log } from "../../ports/log.js";
import type { Metrics } from "../../ports/metrics.js";
import type { TranscriptionUse } from "../../records/cost.js";
import type { Admission } from "../calls/admission.js";
import type { FrameTicker } from "../media/frame-ticker.js";
import type { LegRecorder } from "../media/media-leg.js";
import type { ModelSessions } from "../model/model-session.js";
import type { CallCommand } from "./call-command.js";
import type { CallState } from "./call-events.js";
import type { CallTools, ToolHost } from "./call-tools.js";

/** What follows when a call leaves its agent; implemented beside the call registry. */
export interface CallHost<AnyCall> {
  /** The farewell was heard: reach the human, and take the caller there. */
  handOver(call: AnyCall, request: TransferRequest): void;
  /** The call will be handed over once the farewell is over. */
  announce(call: AnyCall, request: TransferRequest): void;
  /**
   * The agent failed. `follows`: Twilio asks what follows, so that the fallback destination needs
   * no request. Without a fallback destination the call is told that its transfer ended with an
   * apology.
   */
  fallBack(call: AnyCall, reason: string, follows: boolean): void;
  /** The caller hung up, or Twilio says so, while the human was being reached. */
  callerGone(call: AnyCall): void;
  stateChanged(call: AnyCall): void;
  /** Once, last. */
  ended(call: AnyCall): void;
  /** Once, last, instead of `ended`: the call goes on in another process. */
  movedAway(call: AnyCall): void;
}

/**
 * The flight recorder of one call, as the call sees it. It stands between the call and everything
 * that the call is connected to.
 */
export interface CallTap extends LegRecorder {
  /** The same dependencies, with the recorder in between. */
  deps(deps: CallDeps): CallDeps;
  host<AnyCall extends { readonly state: CallState }>(host: CallHost<AnyCall>): CallHost<AnyCall>;
  command(command: CallCommand): void;
  streamStarted(streamSid: string): void;
  /** Runs a tick that the ticker gives in place of missing frames. */
  tick(run: (nowMs: number) => void): void;
}

export interface FlightRecorder {
  /** Null: this call is not recorded. */
  record(parties: CallParties, agent: AgentProfile, deps: CallDeps): CallTap | null;
}

export interface CallDeps {
  readonly clock: Clock;
  readonly ticker: FrameTicker;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly journal: CallJournal;
  readonly pool: BlockPool;
  readonly node: string;
  readonly leadMs: number;
  readonly uplinkPtimeMs: number;
  readonly uplinkIdlePtimeMs: number;
  readonly upstreamTimeoutMs: number;
  readonly maxCallMinutes: number;
  readonly models: ModelSessions;
  /** Null: no call is recorded. */
  readonly flights: FlightRecorder | null;
  readonly tools: (host: ToolHost) => CallTools;
  /** Whether one more caller can be taken; null: MAX_CALLS alone decides. */
  readonly admission: Admission | null;
  /**
   * Asks the CRM who is calling. Never rejects; ends within its time-out. Null: there is no CRM.
   */
  readonly lookUp: Crm["lookUp"] | null;
  /** What these tokens cost in USD; null: the model has no price. */
  readonly price: (model: string, tokens: TokenUsage) => number | null;
  /** What transcription costs in USD; null: its model has no price. */
  readonly transcriptionPrice: (model: string, use: TranscriptionUse) => number | null;
}
