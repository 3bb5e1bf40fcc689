/**
 * The name of a timer: its delay, and how many of that delay there were.
 *
 * @param set  how many there were of each, so far.
 */
export function nextTimer(set: Map<number, number>, ms: number): string {
  const delayMs = Math.round(ms);
  const n = (set.get(delayMs) ?? 0) + 1;
  set.set(delayMs, n);
  return `${delayMs} ms #${n}`;
}
