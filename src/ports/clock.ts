export interface Timer {
  /** After this the callback never runs. Idempotent. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic ms since an arbitrary origin, with fractions. All durations are measured with it. */
  nowMs(): number;
  /** Wall clock, ms since the epoch: for records and tokens, never for durations. */
  epochMs(): number;
  after(ms: number, run: () => void): Timer;
}
