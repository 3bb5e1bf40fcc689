/**
 * Whether the model waits for the end of a turn that has ended. The model reports when the caller
 * begins and stops to speak; these pure functions say when its report is not to be believed.
 */

/** What the caller hears, asked of the call's path. */
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
 * From the relay's own detection of silence, and from the model's report that the caller speaks:
 * the report is wrong, or its end was missed. Two cases: nothing is owed, or the caller waits.
 */
const STUCK_SPEECH = { silentMs: 5_000, reportedMs: 5_000 };
export const STUCK_WHILE_OWED = { silentMs: 3_000, reportedMs: 1_500 };
/**
 * From the model's report that the caller speaks, whatever the relay's own detection hears: a line
 * that is never quiet, with a television beside the phone, would keep the caller waiting for ever.
 * After a reply all the same, from the last sound: the model may still wait for the same end.
 */
const MAX_TURN_MS = 60_000;
/**
 * In a turn that was overruled, from the last sound to the silence that the relay's own detection
 * hears: with less between them it was the end of that sound, or its echo.
 */
const LATER_SPEECH_MS = 1_000;

/**
 * Whether the model waits for the end of a turn that has ended: it never reported that the caller
 * stopped, so that nothing is owed.
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
    // What became owed before it was too long is asked for anew, and not given up at once.
    return owed === null || owed.sinceMs < callerStartedMs + MAX_TURN_MS ? nowMs : null;
  }
  if (owed !== null || !isStuck(state, heard, STUCK_SPEECH, nowMs)) return null;
  return Math.max(heard.silentSinceMs ?? nowMs, callerStartedMs);
}

/** The caller does not speak, although the model reports it. */
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
 * The caller may have spoken on in a turn that was overruled, of which the model reports nothing:
 * the relay hears that they did and stopped, or that the line is still not quiet.
 */
function unheardSinceMs(overruledMs: number, heard: Heard, nowMs: number): number | null {
  const { soundUntilMs, silentSinceMs } = heard;
  const sinceMs = Math.max(overruledMs, soundUntilMs);
  if (silentSinceMs === null) return nowMs - sinceMs >= MAX_TURN_MS ? nowMs : null;
  const isLater = silentSinceMs - sinceMs >= LATER_SPEECH_MS;
  return isLater && nowMs - silentSinceMs >= STUCK_SPEECH.silentMs ? silentSinceMs : null;
}
