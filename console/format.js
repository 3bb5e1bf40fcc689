// Formats times, numbers and telephone numbers.

/** @param {number} ms @returns {string} "1:05", "1:02:03" */
export function clockTime(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const [hours, minutes, seconds] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** @param {number | null | undefined} ms @returns {string} "840 ms", "1.4 s"; a dash when it is unknown. */
export function spanOf(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

const WHEN = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});

/** @param {string | null} iso @returns {string} in the browser's time zone, which it names. */
export const when = (iso) => (iso === null ? "–" : WHEN.format(new Date(iso)));

/** @param {number | null} usd */
export const dollars = (usd) =>
  usd === null ? "–" : `$${usd.toFixed(usd > 0 && usd < 1 ? 4 : 2)}`;

/** @param {number} n */
export const counted = (n) => n.toLocaleString("en");

/**
 * @param {string | null} number E.164, or a SIP address.
 * @param {boolean} show false: only enough digits to tell two callers apart.
 */
export function caller(number, show) {
  if (number === null || number === "") return "unknown";
  if (show) return number;
  if (!/^\+?\d{6,}$/.test(number)) return `${number.slice(0, 4)}…`;
  return `${number.slice(0, 2)}${"•".repeat(number.length - 4)}${number.slice(-2)}`;
}

/** @param {{ from: string | null, to: string | null, direction: string }} call @returns {string | null} the other party's number. */
export const otherParty = (call) => (call.direction === "outbound" ? call.to : call.from);
