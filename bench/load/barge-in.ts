import type { Meters } from "./meters.js";
import type { SpokenItem } from "./spoken-item.js";

/** So little un-played audio may be left alone: a few frames are as good as the item's end. */
export const NEGLIGIBLE_MS = 60;
/** A relay that has not reacted within this time will not react. */
export const PATIENCE_MS = 1000;

interface Account {
  readonly item: SpokenItem;
  /** What the relay had of it when the caller interrupted. */
  readonly sentBytes: number;
  heardMs: number;
  truncatedMs: number | null;
}

/** One interruption: what the relay should do, and what it did. */
export class BargeIn {
  readonly atMs: number;
  readonly #accounts: Account[];
  readonly #unheardMs: number;
  #clearMs = -1;
  #silentMs = -1;

  /**
   * @param items      those of which audio was sent and which are not known to be heard to their
   *                   end.
   * @param transitMs  from the relay to the phone: so much of the audio is heard whatever the relay
   *                   does.
   */
  constructor(items: readonly SpokenItem[], nowMs: number, transitMs: number) {
    this.atMs = nowMs;
    this.#accounts = items.map((item) => ({
      item,
      sentBytes: item.sentBytes,
      heardMs: item.heardMs(nowMs),
      truncatedMs: null,
    }));
    this.#unheardMs = this.#accounts.reduce(
      (sum, { item, sentBytes }) => sum + sentBytes / 8 - item.heardMs(nowMs),
      -transitMs,
    );
  }

  get cleared(): boolean {
    return this.#clearMs >= 0;
  }

  /** The relay's `clear` left at `leftMs` and takes effect at the phone now. */
  clear(leftMs: number, nowMs: number): void {
    if (this.cleared) return;
    this.#clearMs = leftMs;
    this.#silentMs = nowMs;
    for (const account of this.#accounts) account.heardMs = account.item.heardMs(nowMs);
  }

  truncate(item: SpokenItem, audioEndMs: number): void {
    const account = this.#accounts.find((candidate) => candidate.item === item);
    if (account !== undefined) account.truncatedMs ??= audioEndMs;
  }

  /** Counts the outcome. Called once, when nothing more can follow. */
  judge(meters: Meters): void {
    if (this.#unheardMs <= NEGLIGIBLE_MS && !this.cleared) return;
    meters.bargeIns++;
    if (this.cleared) {
      meters.clear.record(this.#clearMs - this.atMs);
      meters.bargeInSilence.record(this.#silentMs - this.atMs);
    } else meters.clearsMissing++;
    for (const { item, sentBytes, heardMs, truncatedMs } of this.#accounts) {
      if (truncatedMs === null) {
        if (!item.deleted && sentBytes / 8 - heardMs > NEGLIGIBLE_MS) meters.truncatesMissing++;
        continue;
      }
      if (!this.cleared) continue;
      const errorMs = truncatedMs - heardMs;
      meters.truncation.record(Math.abs(errorMs));
      meters.truncationLowMs = Math.min(meters.truncationLowMs, errorMs);
      meters.truncationHighMs = Math.max(meters.truncationHighMs, errorMs);
    }
  }
}
