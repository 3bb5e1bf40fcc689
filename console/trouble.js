// How a live call is doing, by what is known of it. Pure.

/**
 * @typedef {import("./live-calls.js").Row} Row
 * @typedef {"newest" | "trouble" | "latency" | "interruptions" | "tools" | "age"} LiveSort
 */

/** @type {readonly (readonly [LiveSort, string])[]} */
export const SORTS = [
  ["newest", "newest first"],
  ["trouble", "most trouble"],
  ["latency", "slowest answer"],
  ["interruptions", "most interruptions"],
  ["tools", "most failed tools"],
  ["age", "longest call"],
];

/** A caller notices a pause of this length. */
const SLOW_MS = 2_000;
/** Fewer interruptions are a conversation. */
const MANY_INTERRUPTIONS = 3;

/** @param {Row} row @returns {string[]} what is wrong with it, in words; empty: nothing. */
export function marksOf({ voiceToVoiceMs, interruptions, failedTools, problems }) {
  return [
    ...(problems > 0 ? [`model trouble ${problems}×`] : []),
    ...(failedTools > 0 ? [`tool failed ${failedTools}×`] : []),
    ...((voiceToVoiceMs ?? 0) >= SLOW_MS ? ["slow answer"] : []),
    ...(interruptions >= MANY_INTERRUPTIONS ? [`interrupted ${interruptions}×`] : []),
  ];
}

/** @param {Row} row A lost model weighs more than a failed tool, and that more than a slow answer. */
function troubleOf({ voiceToVoiceMs, interruptions, failedTools, problems }) {
  return (
    problems * 8 + failedTools * 4 + Math.min(8, (voiceToVoiceMs ?? 0) / 1_000) + interruptions
  );
}

/** @type {Readonly<Record<LiveSort, (row: Row) => number>>} the highest value first. */
const VALUES = {
  newest: ({ startedMs }) => startedMs,
  trouble: troubleOf,
  latency: ({ voiceToVoiceMs }) => voiceToVoiceMs ?? -1,
  interruptions: ({ interruptions }) => interruptions,
  tools: ({ failedTools }) => failedTools,
  age: ({ startedMs }) => -startedMs,
};

/** @param {string} text of an address. @returns {LiveSort} */
export const readSort = (text) => SORTS.find(([name]) => name === text)?.[0] ?? "newest";

/** @param {LiveSort} sort @returns {(a: Row, b: Row) => number} equal ones newest first. */
export function comparing(sort) {
  const value = VALUES[sort];
  return (a, b) =>
    value(b) - value(a) || b.startedMs - a.startedMs || (a.callSid < b.callSid ? -1 : 1);
}
