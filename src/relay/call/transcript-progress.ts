import type { ItemId } from "../../domain/ids.js";
import type { RecordEvent } from "../../domain/record-event.js";
import { SmallMap } from "../../domain/small-map.js";

/** A process that is killed loses no more than this of what the agent was saying. */
const TELL_EVERY_MS = 1_000;
/**
 * Distance of the points that relate the text of an item to its audio. It doubles each time there
 * are MAX_POINTS of them.
 */
const POINT_EVERY_MS = 60;
const MAX_POINTS = 128;
/**
 * The most texts whose end has not come. The model has one at a time; more are a protocol fault.
 */
const MAX_GROWING = 32;

type AgentText = RecordEvent & { readonly type: "agent_text" };

interface Growing {
  readonly itemId: ItemId;
  text: string;
  /** The model has sent its complete text. */
  whole: boolean;
  toldMs: number;
  toldChars: number;
  /** Pairs of characters and received ms, flat: there is one for each delta. */
  points: number[];
  pointEveryMs: number;
  /**
   * How its playback ended; null: it has not ended. After a "cut", text that still comes belongs to
   * audio that the caller does not hear.
   */
  over: "heard" | "cut" | null;
}

/**
 * Decides which texts of the agent go into the record while they grow. Of each item: the text so
 * far, at most once a second; then the whole text, when the model has completed it or its playback
 * has ended. For an item that was cut off it adds how text and audio grew side by side, which tells
 * the words that the caller heard.
 */
export class TranscriptProgress {
  readonly #growing = new SmallMap<ItemId, Growing>();

  /**
   * @param receivedMs  how much of the item's audio has arrived.
   * @returns           the event to write; null: none.
   */
  grew(itemId: ItemId, delta: string, receivedMs: number, nowMs: number): AgentText | null {
    let item = this.#growing.get(itemId);
    if (item === undefined) {
      if (this.#growing.size >= MAX_GROWING) this.#growing.dropOldest();
      item = {
        itemId,
        text: "",
        whole: false,
        toldMs: nowMs,
        toldChars: 0,
        points: [],
        pointEveryMs: POINT_EVERY_MS,
        over: null,
      };
      this.#growing.set(itemId, item);
    }
    // Not `+`: V8 would keep the pieces of the text, and each is an object of its own.
    item.text = [item.text, delta].join("");
    if (item.over !== null) return null;
    addPoint(item, receivedMs);
    if (nowMs - item.toldMs < TELL_EVERY_MS) return null;
    item.toldMs = nowMs;
    item.toldChars = item.text.length;
    return { type: "agent_text", itemId, text: item.text, complete: false };
  }

  /** The text so far; empty for an item that is not growing. */
  textOf(itemId: ItemId): string {
    return this.#growing.get(itemId)?.text ?? "";
  }

  /** The model has completed the text of an item. */
  whole(itemId: ItemId, text: string): AgentText {
    const item = this.#growing.get(itemId);
    if (item === undefined) return { type: "agent_text", itemId, text, complete: true };
    if (item.over !== null) {
      this.#growing.delete(itemId);
      // The model was stopped in this item: its text may reach further than the audio that it sent.
      const cut = item.over === "cut";
      return { type: "agent_text", itemId, text, complete: !cut, ...(cut ? progressOf(item) : {}) };
    }
    item.text = text;
    item.whole = true;
    item.toldChars = text.length;
    return { type: "agent_text", itemId, text, complete: true };
  }

  /**
   * The playback of an item has ended.
   *
   * @returns the event to write; null: the record has its text already, and nothing is to be added.
   */
  heard(itemId: ItemId, cut: boolean): AgentText | null {
    const item = this.#growing.get(itemId);
    if (item === undefined || item.over !== null) return null;
    if (item.whole) this.#growing.delete(itemId);
    item.over = cut ? "cut" : "heard";
    const { text, toldChars } = item;
    if (!cut) {
      if (item.whole) return null;
      // All of its audio has come, and so all of its text, perhaps except for the last letters.
      return { type: "agent_text", itemId, text, complete: true };
    }
    const progress = progressOf(item);
    if (toldChars === text.length && progress.progress === undefined) return null;
    return { type: "agent_text", itemId, text, complete: item.whole, ...progress };
  }

  /** The texts that the record does not have yet, at the end of the call. */
  *rest(): Generator<AgentText> {
    for (const { itemId, text, toldChars, over } of this.#growing.values()) {
      if (over === null && toldChars < text.length)
        yield { type: "agent_text", itemId, text, complete: false };
    }
    this.#growing.clear();
  }
}

function addPoint(item: Growing, receivedMs: number): void {
  const { points } = item;
  const chars = item.text.length;
  const last = points.length - 2;
  if (last >= 0 && receivedMs - points[last + 1]! < item.pointEveryMs) {
    // More text for the same position in the audio.
    points[last] = chars;
    return;
  }
  points.push(chars, receivedMs);
  if (points.length < 2 * MAX_POINTS) return;
  thin(points);
  item.pointEveryMs *= 2;
}

/** Halves the points. Each that stays takes the text position of the point after it. */
function thin(points: number[]): void {
  let kept = 0;
  for (let i = 0; i < points.length; i += 4) {
    points[kept++] = points[i + 2] ?? points[i]!;
    points[kept++] = points[i + 1]!;
  }
  points.length = kept;
}

function progressOf({ points }: Growing): Pick<AgentText, "progress"> {
  if (points.length < 4) return {};
  const progress: [chars: number, receivedMs: number][] = [];
  for (let i = 0; i < points.length; i += 2) progress.push([points[i]!, points[i + 1]!]);
  return { progress };
}
