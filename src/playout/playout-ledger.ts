import { bytesToMs, FRAME_BYTES } from "../codec/frame.js";
import type { ItemId, ResponseId } from "../domain/ids.js";

/**
 * The account of one item of the model's speech: what came, what was sent, and where in the playout
 * it lies.
 */
export interface LedgerEntry {
  readonly itemId: ItemId;
  readonly responseId: ResponseId;
  readonly contentIndex: number;
  receivedBytes: number;
  sentBytes: number;
  /** The model has sent its last audio of this item. */
  complete: boolean;
  /** Position of its first byte in the present generation; -1 until one was sent. */
  startBytes: number;
  /** True: the playout was full, and the rest of the item is dropped and counted. */
  overflowed: boolean;
}

/** How an item ended for the caller. */
export interface PlaybackReport {
  readonly itemId: ItemId;
  readonly responseId: ResponseId;
  readonly contentIndex: number;
  readonly heardMs: number;
  readonly receivedMs: number;
  /**
   * True: the model's memory of the item must be cut to `heardMs`. False: it was heard to its end.
   */
  readonly cut: boolean;
}

/**
 * The items that are being played or wait, oldest first. They are few at a time, so a list is
 * enough.
 */
export class PlayoutLedger {
  readonly #entries: LedgerEntry[] = [];

  get entries(): readonly LedgerEntry[] {
    return this.#entries;
  }

  get last(): LedgerEntry | undefined {
    return this.#entries[this.#entries.length - 1];
  }

  find(itemId: ItemId): LedgerEntry | undefined {
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const entry = this.#entries[i]!;
      if (entry.itemId === itemId) return entry;
    }
    return undefined;
  }

  open(itemId: ItemId, responseId: ResponseId, contentIndex: number): LedgerEntry {
    const entry: LedgerEntry = {
      itemId,
      responseId,
      contentIndex,
      receivedBytes: 0,
      sentBytes: 0,
      complete: false,
      startBytes: -1,
      overflowed: false,
    };
    this.#entries.push(entry);
    return entry;
  }

  /** The first entry that has audio to send; undefined when there is none. */
  nextToSend(): LedgerEntry | undefined {
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (entry.sentBytes < entry.receivedBytes) return entry;
    }
    return undefined;
  }

  /** Takes out the oldest entry if it is complete and was heard to its end; undefined otherwise. */
  takePlayed(playedBytes: number): PlaybackReport | undefined {
    const entry = this.#entries[0];
    if (entry === undefined || !entry.complete || entry.sentBytes < entry.receivedBytes)
      return undefined;
    if (entry.receivedBytes > 0 && entry.startBytes + entry.sentBytes > playedBytes)
      return undefined;
    this.#entries.shift();
    return report(entry, entry.receivedBytes, false);
  }

  /**
   * How much more has to be played until the oldest entry has been heard to its end; null: not all of
   * it has come or been sent, or there is none.
   */
  bytesToPlayed(playedBytes: number): number | null {
    const entry = this.#entries[0];
    if (entry === undefined || !entry.complete || entry.sentBytes < entry.receivedBytes)
      return null;
    return Math.max(0, entry.startBytes + entry.sentBytes - playedBytes);
  }

  /**
   * Ends every entry, oldest first. An item is cut unless it was complete and everything but its
   * last frame was heard: cutting it would cost its transcript in the model's memory, and this
   * account is exact to a frame.
   *
   * @param playedBytes  what the caller has heard of the present generation.
   */
  takeAll(playedBytes: number): PlaybackReport[] {
    const reports = this.#entries.map((entry) => {
      const heard =
        entry.startBytes < 0
          ? 0
          : Math.max(0, Math.min(entry.sentBytes, playedBytes - entry.startBytes));
      const toItsEnd = entry.complete && entry.receivedBytes - heard <= FRAME_BYTES;
      return report(entry, toItsEnd ? entry.receivedBytes : heard, !toItsEnd);
    });
    this.#entries.length = 0;
    return reports;
  }
}

function report(entry: LedgerEntry, playedBytes: number, cut: boolean): PlaybackReport {
  return {
    itemId: entry.itemId,
    responseId: entry.responseId,
    contentIndex: entry.contentIndex,
    heardMs: bytesToMs(playedBytes),
    receivedMs: bytesToMs(entry.receivedBytes),
    cut,
  };
}
