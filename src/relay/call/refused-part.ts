import type { Log } from "../../ports/log.js";
import type { Metrics } from "../../ports/metrics.js";
import type { SessionPart } from "../model/model-session.js";
import type { CallEventLog } from "./call-event-log.js";
import type { DueTranscripts } from "./due-transcripts.js";

/**
 * The model refused an optional part of the session's configuration, and the call goes on without
 * it (promise O4). Warns, counts, and stops waiting for what the part would have brought.
 */
export function recordRefusedPart(
  part: SessionPart,
  tool: string | null,
  call: {
    readonly eventLog: Pick<CallEventLog, "note">;
    readonly log: Log;
    readonly transcripts: Pick<DueTranscripts, "refused">;
  },
  metrics: Pick<Metrics, "sessionPartsRefused">,
): void {
  metrics.sessionPartsRefused.add(1, part);
  call.eventLog.note("session_part_refused", { part, tool });
  call.log.warn("model: session part refused", { part, tool });
  if (part === "transcription") call.transcripts.refused();
}
