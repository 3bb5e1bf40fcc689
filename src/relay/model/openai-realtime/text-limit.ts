import type { ItemId } from "../../../domain/ids.js";
import { SmallMap } from "../../../domain/small-map.js";

/**
 * The maximum text of one item, in UTF-16 units: about 15 minutes of speech.
 */
export const MAX_ITEM_CHARS = 16 * 1024;
/** Items whose text is growing. The server generates one at a time. */
const MAX_GROWING = 32;

/**
 * Limits the text of each item to MAX_ITEM_CHARS, so that a faulty item cannot fill the memory and
 * the record of its call.
 */
export class TextLimit {
  readonly #taken = new SmallMap<ItemId, number>();

  /** The part of an addition to an item's text that still fits. */
  addition(itemId: ItemId, text: string): string {
    const taken = this.#taken.get(itemId) ?? 0;
    const part = cutText(text, MAX_ITEM_CHARS - taken);
    if (!this.#taken.has(itemId) && this.#taken.size >= MAX_GROWING) this.#taken.dropOldest();
    this.#taken.set(itemId, taken + part.length);
    return part;
  }

  /** The final text of an item, as far as it fits. */
  whole(itemId: ItemId, text: string): string {
    this.#taken.delete(itemId);
    return cutText(text, MAX_ITEM_CHARS);
  }
}

/** The first `limit` UTF-16 units of a text, without half of a surrogate pair at the end. */
export function cutText(text: string, limit = MAX_ITEM_CHARS): string {
  if (text.length <= limit) return text;
  if (limit <= 0) return "";
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}
