import type { CallOutcome } from "../../domain/record-event.js";
import type { Log } from "../../ports/log.js";
import type { CallEventLog } from "./call-event-log.js";

/** The fields of the line `call: ended`. */
export interface CallEndFields {
  readonly outcome: CallOutcome;
  readonly reason: string;
  /** From the call's beginning to its end; null: this process does not know when it began. */
  readonly durationMs: number | null;
  /** Null: another process had the conversation, or there was none. */
  readonly eventLog: Pick<CallEventLog, "turns" | "worstVoiceToVoiceMs"> | null;
  /** In USD, as estimated by the price list; null: another process knows it. */
  readonly costUsd: number | null;
}

/**
 * Writes the log line with which a call ends.
 *
 * @param log  the call's own: its lines have `callSid` and `agent`.
 */
export function logCallEnd(log: Log, end: CallEndFields): void {
  const { outcome, reason, durationMs, eventLog, costUsd } = end;
  log.info("call: ended", {
    outcome,
    reason,
    durationMs: durationMs === null ? null : Math.round(durationMs),
    turns: eventLog?.turns ?? null,
    worstLatencyMs: eventLog?.worstVoiceToVoiceMs ?? null,
    costUsd: costUsd === null ? null : Math.round(costUsd * 1e6) / 1e6,
  });
}
