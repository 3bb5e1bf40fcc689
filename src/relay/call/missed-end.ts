/**
 * Whether the model still waits for the end of a turn that has ended. The model reports when the
 * caller starts and stops speaking; these pure functions decide when its report is wrong.
 */

/** What the caller hears, as the call's path reports it. */
export interface Heard {
  /** When the last sound sent to the caller ends or ended; in the future while one is playing. */
  readonly soundUntilMs: number;
  /**
   * Since when the relay's own voice detection is sure of silence; null: it is not, or has none.
   */
  readonly silentSinceMs: number | null;
}

/** The caller's turn, as the model reports it. */
export interface ReportedTurn {
  readonly callerSpeaking: boolean;
  /** When the caller last began to speak. */
  readonly callerStartedMs: number;
  /**
   * When a reply was last asked for although the model reports that the caller speaks, and has not
   * reported their silence since; null: there is no such turn.
   */
  readonly overruledMs: number | null;
}

/**
 * How long the relay's own voice detection must have heard silence (`silentMs`), and how long ago
 * the model must have reported speech (`reportedMs`), before that report counts as wrong or its end
 * as missed. The first is for a caller who is owed nothing, the second for one who waits.
 */
const STUCK_SPEECH = { silentMs: 5_000, reportedMs: 5_000 };
export const STUCK_WHILE_OWED = { silentMs: 3_000, reportedMs: 1_500 };
/**
 * The longest turn, counted from the model's report that the caller speaks, whatever the relay's
 * own detection hears: with a television beside the phone the line is never quiet, and the caller
 * would wait for ever. In a turn that was overruled it counts from the last sound sent to the
 * caller, because the model may still wait for the same end.
 */
const MAX_TURN_MS = 60_000;
/**
 * In a turn that was overruled, the caller has spoken again only if the line became silent this
 * long after the last sound sent to them; before that it was the end of that sound, or its echo.
 */
const LATER_SPEECH_MS = 1_000;

/**
 * Whether the model still waits for the end of a turn that has ended: it has not reported that the
 * caller stopped, so the reply ledger knows of no reply that is owed.
 *
 * @returns  since when the caller is silent, for `speech_stuck`; null: all is well.
 */
export function stuckSpeechSinceMs(
  state: ReportedTurn & { readonly owed: { readonly sinceMs: number } | null },
  heard: Heard,
  nowMs: number,
): number | null {
  const { owed, callerSpeaking, callerStartedMs, overruledMs } = state;
  if (overruledMs !== null) return owed === null ? unheardSinceMs(overruledMs, heard, nowMs) : null;
  if (isTooLong(callerSpeaking, callerStartedMs, nowMs)) {
    // A reply that was owed before the turn became too long is asked for again, not given up.
    return owed === null || owed.sinceMs < callerStartedMs + MAX_TURN_MS ? nowMs : null;
  }
  if (owed !== null || !isStuck(state, heard, STUCK_SPEECH, nowMs)) return null;
  return Math.max(heard.silentSinceMs ?? nowMs, callerStartedMs);
}

/** Whether the caller is silent although the model reports that they speak. */
export function isStuck(
  { callerSpeaking, callerStartedMs }: ReportedTurn,
  { silentSinceMs }: Heard,
  { silentMs, reportedMs }: typeof STUCK_SPEECH,
  nowMs: number,
): boolean {
  if (isTooLong(callerSpeaking, callerStartedMs, nowMs)) return true;
  if (!callerSpeaking || silentSinceMs === null) return false;
  return nowMs - silentSinceMs >= silentMs && nowMs - callerStartedMs >= reportedMs;
}

function isTooLong(callerSpeaking: boolean, startedMs: number, nowMs: number): boolean {
  return callerSpeaking && nowMs - startedMs >= MAX_TURN_MS;
}

/**
 * In a turn that was overruled the model reports nothing more, but the caller may have gone on: the
 * relay hears that they spoke and stopped, or that the line is never quiet.
 *
 * @returns  since when they wait for a reply; null: not so.
 */
function unheardSinceMs(overruledMs: number, heard: Heard, nowMs: number): number | null {
  const { soundUntilMs, silentSinceMs } = heard;
  const sinceMs = Math.max(overruledMs, soundUntilMs);
  if (silentSinceMs === null) return nowMs - sinceMs >= MAX_TURN_MS ? nowMs : null;
  const isLater = silentSinceMs - sinceMs >= LATER_SPEECH_MS;
  return isLater && nowMs - silentSinceMs >= STUCK_SPEECH.silentMs ? silentSinceMs : null;
}
