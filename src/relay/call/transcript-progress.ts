import type { ItemId } from "../../domain/ids.js";
import type { RecordEvent } from "../../domain/record-event.js";
import { SmallMap } from "../../domain/small-map.js";

/** A process that is killed loses no more than this of what the agent was saying. */
const TELL_EVERY_MS = 1_000;
/**
 * Points at which text and audio are held against each other: first this close, and farther apart
 * once there are many.
 */
const POINT_EVERY_MS = 60;
const MAX_POINTS = 128;
/**
 * Texts of which the end never came. The model has one at a time; more are a fault of the
 * protocol.
 */
const MAX_GROWING = 32;

type AgentText = RecordEvent & { readonly type: "agent_text" };

interface Growing {
  readonly itemId: ItemId;
  text: string;
  /** The model's last word on it has come. */
  whole: boolean;
  toldMs: number;
  toldChars: number;
  /** Pairs of characters and received ms, flat: there is one for each delta. */
  points: number[];
  pointEveryMs: number;
  /**
   * The caller has heard the last of it. "cut": before its end, so what text still comes is of no
   * sound.
   */
  over: "heard" | "cut" | null;
}

/**
 * The agent's texts while they grow: what goes into the record, and how text and audio grew side by
 * side. For each item: what there is, at most once a second; the whole, once the model is through
 * with it or the caller has heard the last of it. How it grew is told of items that were cut off
 * only: of others all was heard.
 */
export class TranscriptProgress {
  readonly #growing = new SmallMap<ItemId, Growing>();

  /**
   * @param receivedMs  of the item's audio, as far as it has come.
   * @returns           what to write, if anything.
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

  /** As far as it has come; empty for an item that does not grow. */
  textOf(itemId: ItemId): string {
    return this.#growing.get(itemId)?.text ?? "";
  }

  /** The model's last word on an item. */
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
   * The caller has heard the last of an item. Null: its text is in the record already, and nothing
   * makes it more exact.
   */
  heard(itemId: ItemId, cut: boolean): AgentText | null {
    const item = this.#growing.get(itemId);
    if (item === undefined || item.over !== null) return null;
    if (item.whole) this.#growing.delete(itemId);
    item.over = cut ? "cut" : "heard";
    const { text, toldChars } = item;
    if (!cut) {
      if (item.whole) return null;
      // All of its audio has come, so all of its text but perhaps the last letters.
      return { type: "agent_text", itemId, text, complete: true };
    }
    const progress = progressOf(item);
    if (toldChars === text.length && progress.progress === undefined) return null;
    return { type: "agent_text", itemId, text, complete: item.whole, ...progress };
  }

  /** What of it is not in the record yet: the call is ending. */
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
    // More text at the same place of the audio.
    points[last] = chars;
    return;
  }
  points.push(chars, receivedMs);
  if (points.length < 2 * MAX_POINTS) return;
  thin(points);
  item.pointEveryMs *= 2;
}

/** Leaves half of the points; one that stays speaks for the text of the one behind it. */
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
