/** The events of record and flight recording in one order, of which few are in memory. Pure. */
import { RelayError } from "../domain/errors.js";
import { FlightParser } from "./reader.js";
import { type Envelope, FlightTimeline, Loudness, type TimelineEvent } from "./timeline.js";

/**
 * Two processes that write to one file take turns: what the one wrote may be earlier than what the
 * other wrote before it. So many events wait until they are in order.
 */
const WAITING = 2_000;

export class TimelineStream {
  /** In order. */
  readonly #record: TimelineEvent[];
  readonly #startedMs: number;
  readonly #parser = new FlightParser();
  readonly #loudness = new Loudness();
  readonly #parts: FlightTimeline[] = [];
  #waiting: TimelineEvent[] = [];
  #leftOut = 0;
  #incomplete: string | null = null;

  constructor(record: readonly TimelineEvent[], startedAt: string | null) {
    this.#record = record.toSorted(byTime);
    this.#startedMs = Date.parse(startedAt ?? "");
  }

  /** Some of the flight recording could be read. */
  get isFlight(): boolean {
    return this.#parts.length > 0;
  }

  get envelope(): Envelope {
    return this.#loudness.envelope;
  }

  /** How many events there was no room for. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Why the flight recording could not be read to its end; null: it could. */
  get incomplete(): string | null {
    return this.#incomplete ?? (this.#parser.cutParts.size > 0 ? "a line is cut off" : null);
  }

  /** @returns false when the rest of the recording cannot be read. */
  line(text: string): boolean {
    try {
      const parsed = this.#parser.line(text);
      if (parsed === null) return true;
      const { part, line } = parsed;
      if ("is" in line && line.is === "call")
        this.#parts.push(new FlightTimeline({ header: line }, this.#startedMs, this.#loudness));
      else {
        const timeline = this.#parts[part];
        timeline?.line(line);
        for (const event of timeline?.take() ?? []) this.#waiting.push(event);
      }
      return true;
    } catch (error) {
      if (!(error instanceof RelayError) || error.code !== "config_invalid") throw error;
      this.#incomplete = error.message;
      return false;
    }
  }

  /**
   * The next events, in the order of their times.
   *
   * @param isEnd  no more lines come: all that wait are next.
   * @param room   more than these are left out.
   */
  take(isEnd: boolean, room: number): readonly TimelineEvent[] {
    if (!isEnd && this.#waiting.length < 2 * WAITING) return [];
    const waiting = this.#waiting.sort(byTime);
    this.#waiting = isEnd ? [] : waiting.splice(WAITING);
    const untilMs = isEnd ? Number.POSITIVE_INFINITY : (waiting.at(-1)?.atMs ?? 0);
    const later = this.#record.findIndex(({ atMs }) => atMs > untilMs);
    const recorded = this.#record.splice(0, later < 0 ? this.#record.length : later);
    const events = [...recorded, ...waiting].sort(byTime);
    this.#leftOut += Math.max(0, events.length - room);
    return events.slice(0, Math.max(0, room));
  }
}

const byTime = (a: TimelineEvent, b: TimelineEvent): number => a.atMs - b.atMs;
