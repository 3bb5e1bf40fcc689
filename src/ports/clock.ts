export interface Timer {
  /** Idempotent; after it the callback never runs. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic ms since an arbitrary origin; fractions allowed. All durations are taken from this. */
  nowMs(): number;
  /** Wall clock, ms since the epoch: for records and tokens, never for durations. */
  epochMs(): number;
  after(ms: number, run: () => void): Timer;
}
