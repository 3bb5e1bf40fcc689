import type { ItemId } from "../../../domain/ids.js";
import { SmallMap } from "../../../domain/small-map.js";

/**
 * The maximum text of one item, in UTF-16 units: about 15 minutes of speech.
 */
export const MAX_ITEM_CHARS = 16 * 1024;
/** Items whose text grows, or has ended lately. The server generates one at a time. */
const MAX_ITEMS = 8;

/**
 * Limits the text of each item to MAX_ITEM_CHARS, so that a faulty item cannot fill the memory and
 * the record of its call.
 */
export class TextLimit {
  readonly #taken = new SmallMap<ItemId, number>();

  /** The part of an addition to an item's text that still fits: nothing after its final text. */
  addition(itemId: ItemId, text: string): string {
    const taken = this.#taken.get(itemId) ?? 0;
    const part = cutText(text, MAX_ITEM_CHARS - taken);
    this.#set(itemId, taken + part.length);
    return part;
  }

  /** The final text of an item, as far as it fits. */
  whole(itemId: ItemId, text: string): string {
    // A late addition would take the place of the whole.
    this.#set(itemId, MAX_ITEM_CHARS);
    return cutText(text, MAX_ITEM_CHARS);
  }

  #set(itemId: ItemId, taken: number): void {
    if (!this.#taken.has(itemId) && this.#taken.size >= MAX_ITEMS) this.#taken.dropOldest();
    this.#taken.set(itemId, taken);
  }
}

/** The first `limit` UTF-16 units of a text, without half of a surrogate pair at the end. */
export function cutText(text: string, limit = MAX_ITEM_CHARS): string {
  if (text.length <= limit) return text;
  if (limit <= 0) return "";
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}
