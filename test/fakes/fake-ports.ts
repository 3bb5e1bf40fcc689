import type { Log } from "../../src/ports/log.js";
import type { CallMetrics } from "../../src/ports/metrics.js";

/** A log that keeps its lines, so that a test can see what is told and what is not. */
export class FakeLog implements Log {
  readonly lines: string[];

  constructor(lines: string[] = []) {
    this.lines = lines;
  }

  child(): Log {
    return new FakeLog(this.lines);
  }
  debug(text: string, fields: object = {}): void {
    this.lines.push(`debug ${text} ${JSON.stringify(fields)}`);
  }
  info(text: string, fields: object = {}): void {
    this.lines.push(`info ${text} ${JSON.stringify(fields)}`);
  }
  warn(text: string, fields: object = {}): void {
    this.lines.push(`warn ${text} ${JSON.stringify(fields)}`);
  }
  error(text: string, fields: object = {}): void {
    this.lines.push(`error ${text} ${JSON.stringify(fields)}`);
  }
}

/** Counts every metric by name and first argument: `count("bargeIn model")`. */
export class FakeMetrics {
  readonly counts = new Map<string, number>();
  readonly metrics: CallMetrics;

  constructor() {
    // Whatever method is called is counted: the interface has no behaviour to imitate.
    this.metrics = new Proxy({} as CallMetrics, {
      get:
        (_target, name) =>
        (first?: unknown): void => {
          const key = typeof first === "string" ? `${String(name)} ${first}` : String(name);
          this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
        },
    });
  }

  count(key: string): number {
    return this.counts.get(key) ?? 0;
  }
}
