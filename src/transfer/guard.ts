/**
 * A brake on toll fraud: somebody who talks an agent into transfer after transfer gets only so many. Pure.
 */
export interface GuardLimits {
  /** Transfers that one caller's number may cause within the window. */
  readonly perCaller: number;
  readonly windowMs: number;
  /** Callers remembered; the one that was quiet for longest is forgotten first. */
  readonly callersMost: number;
}

export const GUARD_LIMITS: GuardLimits = {
  perCaller: 20,
  windowMs: 3_600_000,
  callersMost: 10_000,
};

export type Denial = "per_call" | "per_caller";

export class TransferGuard {
  readonly #limits: GuardLimits;
  /** When each caller's transfers of the window began, oldest first. Insertion order = order of the last one. */
  readonly #callers = new Map<string, readonly number[]>();

  constructor(limits: GuardLimits = GUARD_LIMITS) {
    this.#limits = limits;
  }

  /** Callers remembered now. */
  get size(): number {
    return this.#callers.size;
  }

  /**
   * Asks for one more transfer and counts it when it is granted.
   *
   * @param caller   the number; withheld numbers share one account.
   * @param inCall   transfers that this call has had so far.
   * @param perCall  most of one call.
   */
  admit(caller: string, inCall: number, perCall: number, nowMs: number): Denial | null {
    if (inCall >= perCall) return "per_call";
    const { perCaller, windowMs, callersMost } = this.#limits;
    const recent = (this.#callers.get(caller) ?? []).filter((atMs) => nowMs - atMs < windowMs);
    this.#callers.delete(caller);
    const denied = recent.length >= perCaller;
    this.#callers.set(caller, denied ? recent : [...recent, nowMs]);
    if (this.#callers.size > callersMost) {
      for (const quietest of this.#callers.keys()) {
        this.#callers.delete(quietest);
        break;
      }
    }
    return denied ? "per_caller" : null;
  }
}
