import type { ItemId, ToolCallId } from "../../domain/ids.js";
import type { HistoryItem } from "../model/model-session.js";

/** The most entries that a new session gets: the newest, because the next answer must fit them. */
const HISTORY_ITEMS = 60;

type Entry =
  | { readonly kind: "caller" | "agent"; readonly itemId: ItemId; text: string; heardShare: number }
  | { readonly kind: "note"; readonly text: string }
  | {
      readonly kind: "tool";
      readonly callId: ToolCallId;
      readonly name: string;
      readonly arguments: string;
      readonly output: string;
    };

/**
 * What was said in a call, in order, for a session that joins during the call: after a lost socket,
 * or when the caller comes back from a transfer. Agent turns are cut to what the caller heard.
 */
export class Conversation {
  readonly #entries: Entry[] = [];

  callerTurn(itemId: ItemId): void {
    if (this.#find(itemId) === undefined)
      this.#add({ kind: "caller", itemId, text: "", heardShare: 1 });
  }

  callerText(itemId: ItemId, text: string): void {
    const entry = this.#find(itemId);
    if (entry === undefined) this.#add({ kind: "caller", itemId, text, heardShare: 1 });
    else entry.text = text;
  }

  /** @param text  all of the item's text so far. */
  agentText(itemId: ItemId, text: string): void {
    const entry = this.#find(itemId);
    if (entry === undefined) this.#add({ kind: "agent", itemId, text, heardShare: 1 });
    else entry.text = text;
  }

  /** `share` of the item's audio (0–1) reached the caller. */
  agentHeard(itemId: ItemId, share: number): void {
    const entry = this.#find(itemId);
    if (entry !== undefined) entry.heardShare = share;
  }

  note(text: string): void {
    this.#add({ kind: "note", text });
  }

  tool(callId: ToolCallId, name: string, args: string, output: string): void {
    this.#add({ kind: "tool", callId, name, arguments: args, output });
  }

  /** Adds earlier entries, as `history` returned them. */
  restore(history: readonly HistoryItem[]): void {
    for (const [n, item] of history.entries()) {
      if (item.kind === "note" || item.kind === "tool") this.#add(item);
      else this.#add({ ...item, itemId: `restored_${n}` as ItemId, heardShare: 1 });
    }
  }

  /** The newest turns as text, oldest first. */
  history(): HistoryItem[] {
    const items: HistoryItem[] = [];
    for (const entry of this.#entries) {
      switch (entry.kind) {
        case "note":
        case "tool":
          items.push(entry);
          break;
        case "caller":
          if (entry.text !== "") items.push({ kind: "caller", text: entry.text });
          break;
        case "agent": {
          const heard = cutToWords(entry.text, entry.heardShare);
          if (heard !== "") items.push({ kind: "agent", text: heard });
          break;
        }
      }
    }
    return items.slice(-HISTORY_ITEMS);
  }

  #find(itemId: ItemId): (Entry & { kind: "caller" | "agent" }) | undefined {
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const entry = this.#entries[i]!;
      if ((entry.kind === "caller" || entry.kind === "agent") && entry.itemId === itemId)
        return entry;
    }
    return undefined;
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length > 2 * HISTORY_ITEMS) this.#entries.splice(0, HISTORY_ITEMS);
  }
}

/** Assumes that speech is spread evenly over its text, which is right to a word or so. */
function cutToWords(text: string, share: number): string {
  if (share >= 1) return text;
  const end = Math.floor(text.length * Math.max(0, share));
  const cut = text.slice(0, end);
  return end < text.length && /\S/.test(text[end] ?? "")
    ? cut.replace(/\S+$/, "").trimEnd()
    : cut.trimEnd();
}
