// The time axis of the inspector. Pure.

/** @typedef {import("./api.js").Timeline} TimelineData */

/** Events this close to the cursor are listed. */
const NEAR_MS = 250;
const MAX_LISTED = 80;

/** @param {TimelineData} timeline @returns {number} ms */
export const lengthOf = ({ events }) =>
  events.reduce(
    (lengthMs, { atMs, durationMs }) => Math.max(lengthMs, atMs + (durationMs ?? 0)),
    1_000,
  );

/**
 * The part of the call that is drawn: the cursor stays inside of it.
 *
 * @param {number} lengthMs @param {number} zoom @param {number} cursorMs
 */
export function windowOf(lengthMs, zoom, cursorMs) {
  const spanMs = lengthMs / zoom;
  const fromMs = Math.min(Math.max(0, cursorMs - spanMs / 2), lengthMs - spanMs);
  return { fromMs, spanMs };
}

/** @param {TimelineData} timeline @param {number} cursorMs */
export const eventsNear = ({ events }, cursorMs) =>
  events
    .filter(
      ({ atMs, durationMs }) =>
        atMs - NEAR_MS <= cursorMs && cursorMs <= atMs + (durationMs ?? 0) + NEAR_MS,
    )
    .slice(0, MAX_LISTED);
