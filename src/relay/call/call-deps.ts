/** What a call asks of those around it. Types only. */
import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import type { CallJournal, TokenUsage } from "../../domain/record-event.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { BlockPool } from "../../playout/block-pool.js";
import type { Clock } from "../../ports/clock.js";
import type { Crm } from "../../ports/crm.js";
import type { Log } from "../../ports/log.js";
import type { Metrics } from "../../ports/metrics.js";
import type { FlightSink } from "../../ports/recorder.js";
import type { Admission } from "../calls/admission.js";
import type { FrameTicker } from "../media/frame-ticker.js";
import type { ModelSessions } from "../model/model-session.js";
import type { CallTools, ToolHost } from "./call-tools.js";

/** What follows a call's departure from its agent; implemented by whoever keeps the calls. */
export interface CallHost<Callee> {
  /** The farewell was heard: the human is called, the stream will end. */
  handOver(call: Callee, request: TransferRequest): void;
  /** It will be handed over once the farewell is over. */
  announce(call: Callee, request: TransferRequest): void;
  /** The caller hung up, or Twilio says so, while the human was being reached. */
  callerGone(call: Callee): void;
  /** Once, last. */
  ended(call: Callee): void;
  /** Once, last, instead of `ended`: the call goes on in another process. */
  movedAway(call: Callee): void;
}

export interface FlightRecorder {
  /** Null: this call is not recorded. */
  record(parties: CallParties, agent: AgentProfile): FlightSink | null;
  /** That writes the recording. */
  readonly version: string;
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
  /** Absent: no call is recorded. */
  readonly flights?: FlightRecorder;
  readonly tools: (host: ToolHost) => CallTools;
  /** Whether one more caller can be taken; absent or null: MAX_CALLS alone says so. */
  readonly admission?: Admission | null;
  /** Who calls: never rejects, never takes longer than its time-out. Null: nobody is asked. */
  readonly lookUp: Crm["lookUp"] | null;
  /** What these tokens cost in USD; null: the model has no price. */
  readonly price: (model: string, tokens: TokenUsage) => number | null;
}
