import type { World } from "./world.js";

export const GROUPS = {
  http: "Bytes, floods and slow peers on the listeners",
  media: "Media Streams: bytes, order and time",
  model: "The model's socket",
  outside: "Twilio's REST, the database, the disk, DNS",
  tools: "Tool modules",
  process: "Signals, kills, stalls, descriptors, time",
  words: "What callers, models, tools and SIP headers can say",
} as const;

export interface OwnRelay {
  readonly calls: number;
  /** Before the relay starts. @returns settings, or why the case cannot be run here. */
  readonly prepare: () => Promise<
    | { readonly env: Readonly<Record<string, string>>; readonly remove: () => Promise<void> }
    | { readonly missing: string }
  >;
}

/** One thing that goes wrong, on the running relay. */
export interface FaultCase {
  /** For the command line. */
  readonly name: string;
  readonly group: keyof typeof GROUPS;
  /** What is done, and what must hold. */
  readonly what: string;
  readonly holds: string;
  /** Part of `npm test`. */
  readonly quick?: true;
  /** Most of its time it waits for the relay, and is in no other case's way: `npm test` saves that. */
  readonly waits?: true;
  /** On a relay of its own, because it does not outlive the case: no steady calls run on it. */
  readonly alone?: true;
  /** On a relay of its own with steady calls, because it needs other settings or more calls. */
  readonly own?: OwnRelay;
  /** Throws when what must hold does not. */
  run(world: World): Promise<void>;
}
