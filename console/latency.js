// Where the time of each answer went. Pure.

/**
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {{ atMs: number, firstSoundMs: number | null, tools: { name: string, ms: number }[], toolToSoundMs: number | null }} Answer
 */

/**
 * The answers of a call, one for each turn of the caller that was answered.
 *
 * @param {Pick<CallRecord, "turns" | "tools">} record
 * @returns {Answer[]} `firstSoundMs`: from the end of the caller's turn to the agent's first sound; `toolToSoundMs`:
 *   from the last tool's output to the sound after it.
 */
export function answersOf({ turns, tools }) {
  const callers = turns.filter(({ who, endedMs }) => who === "caller" && endedMs !== null);
  return callers.map((turn, i) => {
    const fromMs = turn.endedMs ?? 0;
    const untilMs = callers[i + 1]?.startedMs ?? Number.POSITIVE_INFINITY;
    /** @param {number | null} atMs */
    const isHere = (atMs) => atMs !== null && atMs >= fromMs && atMs < untilMs;
    const spoken = turns.filter(({ who, startedMs }) => who === "agent" && isHere(startedMs));
    const used = tools.filter(({ atMs }) => isHere(atMs));
    const lastMs = used.at(-1)?.atMs;
    const after =
      lastMs === undefined ? undefined : spoken.find(({ startedMs }) => (startedMs ?? 0) >= lastMs);
    return {
      atMs: fromMs,
      firstSoundMs: spoken[0]?.startedMs == null ? null : spoken[0].startedMs - fromMs,
      tools: used.map(({ name, ms }) => ({ name, ms })),
      toolToSoundMs:
        lastMs === undefined || after?.startedMs == null ? null : after.startedMs - lastMs,
    };
  });
}
