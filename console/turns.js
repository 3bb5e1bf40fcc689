// The entries of a conversation in order, and how much of each turn was heard. Pure.

/**
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {CallRecord["turns"][number]} Turn
 * @typedef {{ kind: "turn", atMs: number, turn: Turn } | { kind: "tool", atMs: number, tool: CallRecord["tools"][number] }
 *   | { kind: "transfer", atMs: number, transfer: NonNullable<CallRecord["transfer"]> }
 *   | { kind: "key", atMs: number, key: string }} Entry
 */

/** @param {CallRecord} record @returns {Entry[]} oldest first. */
export function entriesOf(record) {
  const transfers = [
    ...record.earlierTransfers,
    ...(record.transfer === null ? [] : [record.transfer]),
  ];
  /** @type {Entry[]} */
  const entries = [
    ...record.turns.map((turn) => ({
      kind: /** @type {const} */ ("turn"),
      atMs: turn.startedMs ?? 0,
      turn,
    })),
    ...record.tools.map((tool) => ({ kind: /** @type {const} */ ("tool"), atMs: tool.atMs, tool })),
    ...transfers.map((transfer) => ({
      kind: /** @type {const} */ ("transfer"),
      atMs: transfer.requestedMs,
      transfer,
    })),
    ...record.events
      .filter(({ name }) => name === "key")
      .map(({ atMs, fields }) => ({
        kind: /** @type {const} */ ("key"),
        atMs,
        key: String(fields["key"] ?? ""),
      })),
  ];
  return entries.sort((a, b) => a.atMs - b.atMs);
}

/**
 * Splits an agent's text into what was heard and what was generated beyond that.
 *
 * @param {Pick<Turn, "text" | "heardText" | "interruptedAtMs" | "endedMs">} turn
 * @returns {{ heard: string, unheard: string }}
 */
export function heardAndNot({ text, heardText, endedMs }) {
  const all = text ?? "";
  // Still being played: where it will end is not known yet.
  if (heardText === null || endedMs === null) return { heard: all, unheard: "" };
  return all.startsWith(heardText)
    ? { heard: heardText, unheard: all.slice(heardText.length) }
    : { heard: heardText, unheard: "" };
}
