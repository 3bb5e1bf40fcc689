// The time axis of the inspector. Pure.

/**
 * @typedef {import("./api.js").Timeline} TimelineData
 * @typedef {import("./api.js").TimelineEvent} TimelineEvent
 * @typedef {import("./api.js").CallRecord} CallRecord
 * @typedef {{ fromMs: number, spanMs: number }} View
 */

/** Events this close to the cursor are listed. */
export const NEAR_MS = 250;
const MAX_LISTED = 80;
/** The closest look: a pixel is less than a millisecond. */
export const MIN_SPAN_MS = 500;
const STEPS_MS = [
  10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000,
  600_000, 1_800_000, 3_600_000,
];

/** @param {Pick<TimelineData, "events" | "envelope">} timeline @returns {number} ms */
export function lengthOf({ events, envelope }) {
  const heardMs =
    envelope === null
      ? 0
      : Math.max(envelope.caller.length, envelope.agent.length) * envelope.stepMs;
  return events.reduce(
    (lengthMs, { atMs, durationMs }) => Math.max(lengthMs, atMs + (durationMs ?? 0)),
    Math.max(1_000, heardMs),
  );
}

/**
 * The part of the call that is drawn, moved into the call.
 *
 * @param {number} lengthMs @param {number} zoom 1: the whole call. @param {number} fromMs
 * @returns {View}
 */
export function viewOf(lengthMs, zoom, fromMs) {
  const spanMs = lengthMs / zoom;
  return { fromMs: Math.min(Math.max(0, fromMs), lengthMs - spanMs), spanMs };
}

/** @param {number} lengthMs */
export const maxZoom = (lengthMs) => Math.max(1, lengthMs / MIN_SPAN_MS);

/**
 * The view after zooming: what is at `aroundMs` stays where it is.
 *
 * @param {number} lengthMs @param {View} view @param {number} zoom @param {number} aroundMs
 */
export function zoomed(lengthMs, { fromMs, spanMs }, zoom, aroundMs) {
  const share = Math.min(1, Math.max(0, (aroundMs - fromMs) / spanMs));
  return viewOf(lengthMs, zoom, aroundMs - share * (lengthMs / zoom));
}

/**
 * The view in which the cursor can be seen: the same one, or the next page.
 *
 * @param {number} lengthMs @param {number} zoom @param {number} fromMs @param {number} cursorMs
 */
export function following(lengthMs, zoom, fromMs, cursorMs) {
  const { spanMs } = viewOf(lengthMs, zoom, fromMs);
  const isSeen = cursorMs >= fromMs && cursorMs <= fromMs + spanMs;
  return isSeen ? fromMs : viewOf(lengthMs, zoom, cursorMs - spanMs * 0.1).fromMs;
}

/**
 * Times at which the axis is labelled.
 *
 * @param {View} view @param {number} most as many labels as there is room for.
 */
export function ticksOf({ fromMs, spanMs }, most) {
  const stepMs = STEPS_MS.find((step) => spanMs / step <= most) ?? 3_600_000;
  const first = Math.ceil(fromMs / stepMs);
  const count = Math.max(0, Math.floor((fromMs + spanMs) / stepMs) - first + 1);
  return Array.from({ length: count }, (_, i) => (first + i) * stepMs);
}

/** The first of the events that is not before a time. @param {readonly TimelineEvent[]} events in order. @param {number} atMs */
export function firstFrom(events, atMs) {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.atMs ?? 0) < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Those that last for some time, which are few, and the others.
 *
 * @param {readonly TimelineEvent[]} events in order.
 */
export function barsAndPoints(events) {
  /** @type {TimelineEvent[]} */
  const bars = [];
  /** @type {TimelineEvent[]} */
  const points = [];
  for (const event of events) (event.durationMs === undefined ? points : bars).push(event);
  return { bars, points };
}

/** @param {{ bars: readonly TimelineEvent[], points: readonly TimelineEvent[] }} events @param {number} cursorMs */
export function eventsNear({ bars, points }, cursorMs) {
  const long = bars.filter(
    ({ atMs, durationMs }) =>
      atMs - NEAR_MS <= cursorMs && cursorMs <= atMs + (durationMs ?? 0) + NEAR_MS,
  );
  const first = firstFrom(points, cursorMs - NEAR_MS);
  const near = points.slice(first, firstFrom(points, cursorMs + NEAR_MS + 1));
  return [...long, ...near].sort((a, b) => a.atMs - b.atMs).slice(0, MAX_LISTED);
}

/** Whose turn is under a point of the axis. @param {CallRecord["turns"]} turns @param {string} who a lane. @param {number} atMs */
export function turnAt(turns, who, atMs) {
  return turns.find(
    (turn) =>
      turn.who === who &&
      turn.startedMs !== null &&
      turn.startedMs <= atMs &&
      atMs <= (turn.endedMs ?? turn.startedMs),
  );
}

/** What an answer waits for, in its order: lane and name of the event that ends each part. */
const PARTS = /** @type {const} */ ([
  ["end of speech noticed", "model", "input_audio_buffer.speech_stopped"],
  ["response began", "model", "response.created"],
  ["first audio received", "agent", "delta_received"],
  ["first audio sent", "agent", "sent"],
]);

/**
 * Where the time between a caller's turn and the answer went. Needs the events of a flight
 * recording. A part whose event is not there is part of the next one.
 *
 * @param {readonly TimelineEvent[]} points in order. @param {number} fromMs end of the caller's turn. @param {number} untilMs
 * @returns {{ name: string, ms: number }[]}
 */
export function latencyParts(points, fromMs, untilMs) {
  /** @type {{ name: string, ms: number }[]} */
  const parts = [];
  let sinceMs = fromMs;
  for (const [name, lane, event] of PARTS) {
    const found = points
      .slice(firstFrom(points, sinceMs), firstFrom(points, untilMs))
      .find((one) => one.lane === lane && one.name === event);
    if (found === undefined) continue;
    parts.push({ name, ms: found.atMs - sinceMs });
    sinceMs = found.atMs;
  }
  return parts;
}
