import type { ItemId } from "../../../domain/ids.js";
import { SmallMap } from "../../../domain/small-map.js";
import { UNREAD } from "./unread-event.js";

/** How many items are remembered, so that an event that comes again is recognised. */
const MAX_ITEMS_KEPT = 32;

interface CallerItem {
  /** Positions in the session's audio; null: not reported. */
  startedMs: number | null;
  stoppedMs: number | null;
  timedOut: boolean;
  committed: boolean;
  transcribed: boolean;
}

/** What the commit of an item stands for. */
export type Commit =
  /** The server has found the end of the caller's turn. */
  | "turn"
  /** The session has asked for it in the middle of a turn whose end the server did not find. */
  | "forced"
  | "repeated";

/**
 * The caller's items of one session.
 *
 * It remembers which of their events the server has sent. If an event that comes again were acted
 * on, it would begin a turn in which the caller is silent, or ask for a second reply to the same
 * turn. So `started`, `stopped`, `timedOut` and `transcribed` return false for it. The events of an
 * item may arrive in any order.
 *
 * It also knows whether there is speech that the server has not committed. A reply that is asked
 * for in the middle of such a turn ignores what the caller said, unless it is committed first.
 */
export class CallerItems {
  readonly #items = new SmallMap<ItemId, CallerItem>();
  /** The server has reported the beginning of speech and not its end. */
  #isSpeechOpen = false;
  #isCommitDue = false;
  /** The event id of the commit that was sent and has not been answered; null: there is none. */
  #commitId: string | null = null;

  /** Speech may go on in the same item, at another position, until the item is committed. */
  started(itemId: ItemId, audioMs: number): boolean {
    const item = this.#itemOf(itemId);
    if (item.committed || item.startedMs === audioMs) return false;
    item.startedMs = audioMs;
    this.#speech(true);
    return true;
  }

  stopped(itemId: ItemId, audioMs: number): boolean {
    const item = this.#itemOf(itemId);
    const { stoppedMs } = item;
    if (stoppedMs === audioMs || (item.committed && stoppedMs !== null)) return false;
    item.stoppedMs = audioMs;
    this.#speech(false);
    return true;
  }

  #speech(isOpen: boolean): void {
    this.#isSpeechOpen = isOpen;
    this.#isCommitDue = false;
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

  committed(itemId: ItemId): Commit {
    const item = this.#itemOf(itemId);
    if (item.committed) return "repeated";
    item.committed = true;
    const isTurn = item.stoppedMs !== null || item.timedOut;
    if (this.#commitId === null || isTurn) return "turn";
    this.#commitId = null;
    return "forced";
  }

  /** The caller is silent, or has spoken for too long, whatever the server believes. */
  overruled(): void {
    this.#isCommitDue = this.#isSpeechOpen;
  }

  /** A commit has to be sent before the next reply is asked for. */
  get isCommitDue(): boolean {
    return this.#isCommitDue;
  }

  commitSent(eventId: string): void {
    this.#isCommitDue = false;
    this.#commitId = eventId;
  }

  /** True: the commit was refused, for example because there is too little audio to commit. */
  commitRefused(eventId: string | null): boolean {
    if (eventId === null || eventId !== this.#commitId) return false;
    this.#commitId = null;
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
    // Every item whose id could not be read has this id, so it is not remembered.
    if (itemId === UNREAD) return item;
    if (this.#items.size >= MAX_ITEMS_KEPT) this.#items.dropOldest();
    this.#items.set(itemId, item);
    return item;
  }
}
