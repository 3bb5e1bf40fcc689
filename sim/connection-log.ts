/**
 * Who is connected with whom, moment by moment, and what a caller hears: so that a test can say "never alone and silent", "all
 * legs ended", "caller and human connected". The simulators write it; a relay cannot.
 */
import type { SimClock } from "./clock.js";

/** A party at one moment. */
export interface ConnectionState {
  /** On the simulator's clock. */
  readonly atMs: number;
  /** Answered, and not over. */
  readonly live: boolean;
  /** Those who hear this party and are heard by it: labels where they have one, else what was dialled. */
  readonly with: readonly string[];
  /** Those of them who speak just now, as far as the simulators know. */
  readonly talking: readonly string[];
  /** Sound that nobody speaks: music, ringing, an announcement, a `<Say>`; null: nothing. */
  readonly sound: string | null;
}

export type Connection = Omit<ConnectionState, "atMs">;

export class ConnectionLog {
  readonly #clock: SimClock;
  readonly #moments = new Map<string, ConnectionState[]>();

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  /** What is the case from now on. The same as before changes nothing. */
  note(party: string, now: Connection): void {
    const moments = this.#moments.get(party) ?? [];
    this.#moments.set(party, moments);
    const moment: ConnectionState = { atMs: this.#clock.nowMs(), ...now };
    const last = moments.at(-1);
    if (last !== undefined && same(last, moment)) return;
    // Several changes of one instant are one.
    if (last?.atMs === moment.atMs) moments.pop();
    moments.push(moment);
  }

  moments(party: string): readonly ConnectionState[] {
    return this.#moments.get(party) ?? [];
  }

  now(party: string): Connection {
    return this.moments(party).at(-1) ?? { live: false, with: [], talking: [], sound: null };
  }

  /** The longest stretch, in ms, in which the party was on the line with nobody and heard nothing. */
  longestAloneMs(party: string): number {
    return this.longestMs(
      party,
      (moment) => moment.live && moment.with.length === 0 && moment.sound === null,
    );
  }

  /** The longest stretch in which it heard nothing at all, though somebody may have been there and listened. */
  longestSilenceMs(party: string): number {
    return this.longestMs(
      party,
      (moment) => moment.live && moment.talking.length === 0 && moment.sound === null,
    );
  }

  /** The longest unbroken stretch, in ms, of moments that are so. A stretch that lasts still ends now. */
  longestMs(party: string, is: (moment: ConnectionState) => boolean): number {
    const moments = this.moments(party);
    let longest = 0;
    let sinceMs: number | null = null;
    for (const moment of moments) {
      if (is(moment)) sinceMs ??= moment.atMs;
      else if (sinceMs !== null) {
        longest = Math.max(longest, moment.atMs - sinceMs);
        sinceMs = null;
      }
    }
    return sinceMs === null ? longest : Math.max(longest, this.#clock.nowMs() - sinceMs);
  }

  /** Whether the two were ever connected. */
  ever(party: string, other: string): boolean {
    return this.moments(party).some((moment) => moment.with.includes(other));
  }

  /** For a failing test's message: a line per moment. */
  text(party: string): string {
    const moments = this.moments(party);
    const startMs = moments[0]?.atMs ?? 0;
    return moments
      .map((moment) => {
        const who = moment.with.map((name) =>
          moment.talking.includes(name) ? `${name} (speaks)` : name,
        );
        const heard = moment.sound === null ? "" : ` hears ${moment.sound}`;
        const state = moment.live
          ? `with ${who.length === 0 ? "nobody" : who.join(", ")}`
          : "off the line";
        return `${((moment.atMs - startMs) / 1000).toFixed(3)} ${state}${heard}`;
      })
      .join("\n");
  }
}

function same(a: ConnectionState, b: ConnectionState): boolean {
  return (
    a.live === b.live &&
    a.sound === b.sound &&
    a.with.join("\n") === b.with.join("\n") &&
    a.talking.join("\n") === b.talking.join("\n")
  );
}
