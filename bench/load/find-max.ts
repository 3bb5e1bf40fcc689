/** The search for the most calls within the limits. */
export interface Step {
  readonly calls: number;
  readonly ok: boolean;
}

export interface Trial {
  readonly ok: boolean;
  /** The harness was the bottleneck: a broken limit then says nothing about the relay. */
  readonly harnessLimit: string | null;
}

export interface Found {
  /** 0: even the first load broke a limit. */
  readonly calls: number;
  readonly steps: readonly Step[];
  /** Not null: more might be possible with a stronger harness. */
  readonly harnessLimit: string | null;
}

/** The result is within this share of the edge. */
const PRECISION = 0.05;
const MOST_CALLS = 10_000;

/**
 * Doubles from `first` until a limit breaks, then halves the rest. A load that fails is tried
 * twice, because one stall does not make a limit.
 */
export async function findMax(
  first: number,
  trial: (calls: number) => Promise<Trial>,
): Promise<Found> {
  const steps: Step[] = [];
  let good = 0;
  let bad = Number.POSITIVE_INFINITY;
  let calls = first;
  let harnessLimit: string | null = null;
  while (calls > good && calls < bad && calls <= MOST_CALLS) {
    let result = await trial(calls);
    if (!result.ok && result.harnessLimit === null) result = await trial(calls);
    steps.push({ calls, ok: result.ok });
    if (result.ok) good = calls;
    else {
      bad = calls;
      harnessLimit = result.harnessLimit;
    }
    if (bad === Number.POSITIVE_INFINITY) calls = good * 2;
    else if (bad - good <= Math.max(1, good * PRECISION)) break;
    else calls = Math.floor((good + bad) / 2);
  }
  return { calls: good, steps, harnessLimit };
}
