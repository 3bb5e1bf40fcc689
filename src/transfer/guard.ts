/**
 * A brake on toll fraud: what an agent can be talked into is limited by call and by destination.
 * The caller's number limits nothing, since it can be claimed or withheld. Pure.
 */
import type { TransferRefusal } from "../domain/transfer-request.js";

const WINDOW_MS = 3_600_000;

export interface GuardRequest {
  /** Transfers that the agent of this call has made so far. */
  readonly inCall: number;
  readonly maxPerCall: number;
  /** What the destination reaches, see `DestinationKind.reaches`. */
  readonly key: string;
  /** Null: the destination has no limit. */
  readonly maxPerHour: number | null;
}

export class TransferGuard {
  /** When the transfers to each destination of the last hour were admitted, oldest first. */
  readonly #admitted = new Map<string, readonly number[]>();

  /** Asks for one more transfer, and counts it when it is admitted. Null: it is. */
  admit(
    { inCall, maxPerCall, key, maxPerHour }: GuardRequest,
    nowMs: number,
  ): Extract<TransferRefusal, "call_limit" | "destination_limit"> | null {
    if (inCall >= maxPerCall) return "call_limit";
    if (maxPerHour === null) return null;
    const recent = (this.#admitted.get(key) ?? []).filter((atMs) => nowMs - atMs < WINDOW_MS);
    if (recent.length >= maxPerHour) {
      this.#admitted.set(key, recent);
      return "destination_limit";
    }
    this.#admitted.set(key, [...recent, nowMs]);
    return null;
  }
}
