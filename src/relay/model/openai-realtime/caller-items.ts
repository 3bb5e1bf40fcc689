import type { ItemId } from "../../../domain/ids.js";
import { SmallMap } from "../../../domain/small-map.js";
import { UNREAD } from "./unread-event.js";

/** Items whose events, should one be repeated, must still be recognised. */
const MAX_ITEMS_KEPT = 32;

interface CallerItem {
  /** Positions in the session's audio; null: not reported. */
  startedMs: number | null;
  stoppedMs: number | null;
  timedOut: boolean;
  committed: boolean;
  transcribed: boolean;
}

/**
 * The caller's items of one session.
 *
 * It knows which of their events the server has reported. A repeated event would begin a turn that
 * nobody speaks, or ask for a reply that the caller has had. The methods `started` to `transcribed`
 * return false when the event is a repetition and must not be acted on. The events of an item may
 * arrive in any order.
 */
export class CallerItems {
  readonly #items = new SmallMap<ItemId, CallerItem>();

  /** Speech may go on in the same item, at another position, until the item is committed. */
  started(itemId: ItemId, audioMs: number): boolean {
    const item = this.#itemOf(itemId);
    if (item.committed || item.startedMs === audioMs) return false;
    item.startedMs = audioMs;
    return true;
  }

  stopped(itemId: ItemId, audioMs: number): boolean {
    const item = this.#itemOf(itemId);
    const { stoppedMs } = item;
    if (stoppedMs === audioMs || (item.committed && stoppedMs !== null)) return false;
    item.stoppedMs = audioMs;
    return true;
  }

  timedOut(itemId: ItemId): boolean {
    const item = this.#itemOf(itemId);
    if (item.timedOut) return false;
    item.timedOut = true;
    return true;
  }

  transcribed(itemId: ItemId): boolean {
    const item = this.#itemOf(itemId);
    if (item.transcribed) return false;
    item.transcribed = true;
    return true;
  }

  committed(itemId: ItemId): boolean {
    const item = this.#itemOf(itemId);
    if (item.committed) return false;
    item.committed = true;
    return true;
  }

  #itemOf(itemId: ItemId): CallerItem {
    const known = this.#items.get(itemId);
    if (known !== undefined) return known;
    const item: CallerItem = {
      startedMs: null,
      stoppedMs: null,
      timedOut: false,
      committed: false,
      transcribed: false,
    };
    // Several items may share the name of those that could not be read.
    if (itemId === UNREAD) return item;
    if (this.#items.size >= MAX_ITEMS_KEPT) this.#items.dropOldest();
    this.#items.set(itemId, item);
    return item;
  }
}
