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
  /** The call's own: its lines have `callSid` and `agent`. */
  readonly log: Log;
  /** BCP 47 tag of the language that the agent speaks now. */
  readonly language: string;
  /** The model says exactly this next. */
  say(text: string): void;
  /** Is told when a tool begins and ends, because the caller waits for it. */
  readonly toolRuns: ToolRunObserver;
  /** False: the agent does not speak it. */
  setLanguage(language: string): boolean;
  /** Plays key tones to the caller, after what is being said. */
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
  /** Where the batch takes the caller; then the model is not asked to go on. Null: nowhere. */
  readonly disposition: Disposition | null;
}

/** The tools of one call. */
export interface CallTools {
  readonly specs: readonly SessionTool[];
  /**
   * Runs the tool calls of one response. Calls `done` once, with all answers, however each ends.
   */
  run(end: ResponseEnd, done: (batch: ToolBatch) => void): void;
  /** The model has answered the caller in words, and called no tool with them. */
  replied(): void;
  /**
   * The model that asked is gone: cancels the tools that still run and drops their answers. A later
   * model, for example after a failed transfer, may run tools again.
   *
   * @returns what has been dropped. What the tools have done all the same belongs in the record.
   */
  cancelRunning(): readonly ToolRun[];
  /** The call is over: as `cancelRunning`, and no tool runs any more. */
  cancel(): readonly ToolRun[];
}
