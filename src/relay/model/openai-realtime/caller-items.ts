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

/** What the commit of an item stands for. */
export type Commit =
  /** The server has found the end of the caller's turn. */
  | "turn"
  /** The session has asked for it, in the middle of what the server takes for a turn. */
  | "forced"
  | "repeated";

/**
 * The caller's items of one session.
 *
 * It knows which of their events the server has reported. A repeated event would begin a turn that
 * nobody speaks, or ask for a reply that the caller has had. The methods `started` to `transcribed`
 * return false when the event is a repetition and must not be acted on. The events of an item may
 * arrive in any order.
 *
 * It also knows whether there is speech that the server has not committed. A reply that is asked
 * for in the middle of such a turn does not know what the caller said, unless it is committed first.
 */
export class CallerItems {
  readonly #items = new SmallMap<ItemId, CallerItem>();
  /** The server has reported the beginning of speech and not its end. */
  #isSpeechOpen = false;
  #isCommitDue = false;
  /** Of the commit that was sent and is not answered. */
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

  /** The caller is not speaking, or not to be waited for, whatever the server believes. */
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
    // Several items may share the name of those that could not be read.
    if (itemId === UNREAD) return item;
    if (this.#items.size >= MAX_ITEMS_KEPT) this.#items.dropOldest();
    this.#items.set(itemId, item);
    return item;
  }
}
