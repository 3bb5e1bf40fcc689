/**
 * The pause before a request is tried again.
 *
 * @param failures  how often it has failed so far, from 1.
 * @returns         the pause in ms; null: give up.
 */
export type Backoff = (failures: number) => number | null;

/**
 * Listed pauses; the last one repeats.
 *
 * @param maxTries  the first try included. Default: one try more than there are pauses.
 */
export function listedPauses(pausesMs: readonly number[], maxTries = pausesMs.length + 1): Backoff {
  return (failures) =>
    failures >= maxTries ? null : (pausesMs[Math.min(failures, pausesMs.length) - 1] ?? null);
}

/**
 * Pauses that double from `firstMs` up to `mostMs`.
 *
 * @param maxTries  the first try included. Default: it never gives up.
 */
export function doublingPauses(
  firstMs: number,
  mostMs: number,
  maxTries = Number.POSITIVE_INFINITY,
): Backoff {
  return (failures) =>
    failures >= maxTries ? null : Math.min(mostMs, firstMs * 2 ** Math.max(0, failures - 1));
}

/** Pauses that grow by `stepMs` with each failure: step, 2 steps, 3 steps … */
export function growingPauses(stepMs: number, maxTries: number): Backoff {
  return (failures) => (failures >= maxTries ? null : failures * stepMs);
}
