import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";

export interface PausableServer {
  readonly paused: boolean;
  pause(): void;
  /** Resolves with false when a port could not be opened again yet. */
  resume(): Promise<boolean>;
}

export interface AcceptGuardParts {
  readonly server: PausableServer;
  /** The process's limit of descriptors; null: it is unknown, and nothing is guarded. */
  readonly limit: number | null;
  /** The lowest free descriptor; null: none is free. */
  readonly lowestFree: () => number | null;
  /** Share of the reserve that this listener leaves free. Default 1: all of it. */
  readonly share?: number;
  readonly clock: Clock;
  readonly log: Log;
}

const CHECK_MS = 250;
/** Descriptors that are kept for running calls: their redials, tools and records. */
const RESERVE_SHARE = 0.1;
const MIN_RESERVE = 32;
const MAX_RESERVE = 512;

/**
 * Stops accepting connections before the process runs out of descriptors. A listening socket whose
 * connections cannot be accepted is reported as readable again and again, and the event loop spins.
 * Unauthenticated connections end after 12 s at the latest, so the pause is short.
 *
 * @returns a function that ends the guard.
 */
export function guardAccept(parts: AcceptGuardParts): () => void {
  const { server, limit, lowestFree, share = 1, clock, log } = parts;
  if (limit === null) return () => undefined;
  const whole = Math.min(MAX_RESERVE, Math.max(MIN_RESERVE, Math.floor(limit * RESERVE_SHARE)));
  const reserve = Math.floor(whole * share);
  let timer: Timer;
  let ended = false;
  const check = async (): Promise<void> => {
    const free = limit - (lowestFree() ?? limit);
    if (!server.paused && free <= reserve) {
      server.pause();
      log.warn("http: descriptors nearly used up, no connections accepted", { limit, free });
    } else if (server.paused && free > 2 * reserve && (await server.resume())) {
      log.info("http: connections accepted again", { limit, free });
    }
    if (!ended) timer = clock.after(CHECK_MS, run);
  };
  const run = (): void => {
    check().catch((error: unknown) => log.error("http: accept guard failed", {}, error));
  };
  timer = clock.after(CHECK_MS, run);
  return () => {
    ended = true;
    timer.cancel();
  };
}
