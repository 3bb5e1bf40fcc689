/** From numbered frames that came out of a page to their delays. Pure. */
import { NUMBERS } from "../../test/fakes/listening-tap.js";

/**
 * @param out     numbers in the order in which they came out, and when: epoch ms.
 * @param leftMs  when each frame left the phone: epoch ms. Frame n has the number n % NUMBERS.
 * @returns       ms, of each frame that came out. The delays must be below a second, in which the
 *                numbers begin anew.
 */
export function delaysOf(
  out: readonly (readonly [number, number])[],
  leftMs: readonly number[],
): number[] {
  let newest = -1;
  const delays: number[] = [];
  for (const [number, atMs] of out) {
    while (newest + 1 < leftMs.length && leftMs[newest + 1]! <= atMs) newest++;
    const frame = newest - ((newest - number + NUMBERS) % NUMBERS);
    if (frame >= 0) delays.push(atMs - leftMs[frame]!);
  }
  return delays;
}

/** The value that this share of them does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
