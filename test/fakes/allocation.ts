/** More rounds than a compiler that has to wait for a busy core needs. */
const MOST_ROUNDS = 60;

/**
 * What so many turns allocate, in bytes a turn, as the quietest of several rounds shows it: whatever else the process allocates in one of
 * them is not theirs, and until the compiler, a thread of its own, is done, each turn may box a number. Ends as soon as it is below `wanted`.
 */
export function allocatedPerTurn(
  turns: number,
  wanted: number,
  run: (turns: number) => void,
): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < MOST_ROUNDS && least >= wanted; round++) {
    const before = process.memoryUsage().heapUsed;
    run(turns);
    const grown = process.memoryUsage().heapUsed - before;
    // Negative: garbage was collected in between.
    if (grown >= 0) least = Math.min(least, grown / turns);
  }
  return least;
}
