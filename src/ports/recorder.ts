/** One call's flight recording while it is written. */
export interface FlightSink {
  /** One JSON line, without its end. Never waits and never throws. */
  line(json: string): void;
  /** Idempotent. */
  close(): void;
}
