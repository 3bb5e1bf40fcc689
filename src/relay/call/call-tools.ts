import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import type { ToolCallId } from "../../domain/ids.js";
import type { ToolOutcome } from "../../domain/record-event.js";
import type { Log } from "../../ports/log.js";
import type { ToolRunObserver } from "../../tools/runner.js";
import type { ResponseEnd, SessionTool } from "../model/model-session.js";
import type { CallEventLog } from "./call-event-log.js";
import type { Disposition } from "./call-events.js";

/** What tools may do to their call. */
export interface ToolHost {
  readonly parties: CallParties;
  readonly agent: AgentProfile;
  readonly eventLog: CallEventLog;
  /** The call's own. */
  readonly log: Log;
  /** That the call is held in, a BCP 47 tag. */
  readonly language: string;
  /** The model says exactly this next. */
  say(text: string): void;
  /** Told of each tool that runs: the caller waits for it. */
  readonly toolRuns: ToolRunObserver;
  /** False: the agent does not speak it. */
  setLanguage(language: string): boolean;
  /** Key tones into the caller's line, behind what is being said. */
  sendDtmf(digits: string): void;
}

export interface ToolRun {
  readonly callId: ToolCallId;
  readonly name: string;
  /** The name if it is one of the agent's tools, else "unknown": a metric label. */
  readonly metricName: string;
  readonly arguments: string;
  readonly output: string;
  readonly ms: number;
  readonly outcome: ToolOutcome;
}

export interface ToolBatch {
  readonly runs: readonly ToolRun[];
  /** The batch takes the caller away from the agent; then the model is not asked to go on. */
  readonly disposition: Disposition | null;
}

/** The tools of one call. */
export interface CallTools {
  readonly specs: readonly SessionTool[];
  /**
   * Runs the calls of one response and tells all answers together, once, however each of them ends.
   */
  run(end: ResponseEnd, done: (batch: ToolBatch) => void): void;
  /** The model has answered the caller in words, and called no tool with them. */
  replied(): void;
  /**
   * The model that asked is gone: what still runs is given up, and its answers are not told. A
   * model that comes later, for example after a failed transfer, may run tools again.
   */
  cancelRunning(): void;
  /** The call is over: likewise, and nothing runs any more. */
  cancel(): void;
}
