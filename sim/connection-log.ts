/**
 * Who is connected with whom at each moment, and what a party hears that no party speaks. With it
 * a test can say "never alone and silent", "all legs ended", "caller and transfer target are
 * connected". The simulators write it, so a relay cannot influence it.
 */
import type { SimClock } from "./clock.js";

export interface Connection {
  /** Answered, and not over. */
  readonly live: boolean;
  /** The parties that it hears and that hear it: by label where they have one, else as dialled. */
  readonly with: readonly string[];
  /** Those of them that speak now, as far as the simulators know. */
  readonly talking: readonly string[];
  /** Music, ringing, an announcement, a `<Say>`; null: nothing of the kind. */
  readonly sound: string | null;
}

/** How a party was connected from `atMs` on, on the simulators' clock. */
export interface ConnectionState extends Connection {
  readonly atMs: number;
}

export class ConnectionLog {
  readonly #clock: SimClock;
  readonly #states = new Map<string, ConnectionState[]>();

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  /** Holds from now on. The same as before adds nothing. */
  note(party: string, now: Connection): void {
    const states = this.#states.get(party) ?? [];
    this.#states.set(party, states);
    const state: ConnectionState = { atMs: this.#clock.nowMs(), ...now };
    const last = states.at(-1);
    if (last !== undefined && same(last, state)) return;
    // Several changes of one instant count as one.
    if (last?.atMs === state.atMs) states.pop();
    states.push(state);
  }

  states(party: string): readonly ConnectionState[] {
    return this.#states.get(party) ?? [];
  }

  now(party: string): Connection {
    return this.states(party).at(-1) ?? { live: false, with: [], talking: [], sound: null };
  }

  /** The longest time, in ms, in which the party was on the line alone and heard nothing. */
  longestAloneMs(party: string): number {
    return this.longestMs(
      party,
      (state) => state.live && state.with.length === 0 && state.sound === null,
    );
  }

  /** The longest time in which it heard nothing at all, though another party may have listened. */
  longestSilenceMs(party: string): number {
    return this.longestMs(
      party,
      (state) => state.live && state.talking.length === 0 && state.sound === null,
    );
  }

  /** The longest unbroken time, in ms, in such states. One that lasts still ends now. */
  longestMs(party: string, is: (state: ConnectionState) => boolean): number {
    let longest = 0;
    let sinceMs: number | null = null;
    for (const state of this.states(party)) {
      if (is(state)) sinceMs ??= state.atMs;
      else if (sinceMs !== null) {
        longest = Math.max(longest, state.atMs - sinceMs);
        sinceMs = null;
      }
    }
    return sinceMs === null ? longest : Math.max(longest, this.#clock.nowMs() - sinceMs);
  }

  /** Whether the two were ever connected. */
  ever(party: string, other: string): boolean {
    return this.states(party).some((state) => state.with.includes(other));
  }

  /** For the message of a failing test: a line per state. */
  text(party: string): string {
    const states = this.states(party);
    const startMs = states[0]?.atMs ?? 0;
    return states.map((state) => lineOf(state, startMs)).join("\n");
  }
}

function lineOf(state: ConnectionState, startMs: number): string {
  const others = state.with.map((name) =>
    state.talking.includes(name) ? `${name} (speaks)` : name,
  );
  const connected = state.live
    ? `with ${others.length === 0 ? "no one" : others.join(", ")}`
    : "off the line";
  const heard = state.sound === null ? "" : ` hears ${state.sound}`;
  return `${((state.atMs - startMs) / 1000).toFixed(3)} ${connected}${heard}`;
}

function same(a: Connection, b: Connection): boolean {
  return (
    a.live === b.live &&
    a.sound === b.sound &&
    a.with.join("\n") === b.with.join("\n") &&
    a.talking.join("\n") === b.talking.join("\n")
  );
}
