/** The conversation as the server keeps it: items in order, and what is known of each. */
import type { Json, JsonObject } from "./check.js";

export interface StoredItem {
  readonly id: string;
  readonly type: "message" | "function_call" | "function_call_output";
  readonly role: "user" | "assistant" | "system" | null;
  status: "completed" | "incomplete" | "in_progress";
  /** As the wire shows it, without audio data. */
  content: readonly JsonObject[];
  readonly callId: string | null;
  readonly name: string | null;
  arguments: string;
  readonly output: string;
  /** True for items whose sound the server made. */
  readonly spoken: boolean;
  /** Audio of this item sent to the client. */
  sentBytes: number;
  /** What a truncation left; null = never truncated. */
  keptMs: number | null;
  /** A function call that has its output. */
  answered: boolean;
}

export function newItem(
  fields: Pick<StoredItem, "id" | "type"> & Partial<Omit<StoredItem, "id" | "type">>,
): StoredItem {
  return {
    role: null,
    status: "completed",
    content: [],
    callId: null,
    name: null,
    arguments: "",
    output: "",
    spoken: false,
    sentBytes: 0,
    keptMs: null,
    answered: false,
    ...fields,
  };
}

/** Ms of audio that a client may keep of it. */
export function audioMsOf(item: StoredItem): number {
  const sentMs = Math.floor(item.sentBytes / 8);
  return item.keptMs === null ? sentMs : Math.min(item.keptMs, sentMs);
}

export function wireItem(item: StoredItem): JsonObject {
  const head: Record<string, Json> = {
    id: item.id,
    object: "realtime.item",
    type: item.type,
    status: item.status,
  };
  if (item.type === "message") return { ...head, role: item.role, content: item.content };
  if (item.type === "function_call")
    return { ...head, call_id: item.callId, name: item.name, arguments: item.arguments };
  return { ...head, call_id: item.callId, output: item.output };
}

export class Conversation {
  readonly #items = new Map<string, StoredItem>();
  readonly #order: string[] = [];

  get(id: string): StoredItem | undefined {
    return this.#items.get(id);
  }

  /** In order. */
  all(): readonly StoredItem[] {
    return this.#order.map((id) => this.#items.get(id)!);
  }

  /** @returns the id before it, or null; undefined when `after` is unknown: then nothing is added. */
  add(item: StoredItem, after: string | null | undefined = undefined): string | null | undefined {
    let at = this.#order.length;
    if (after === "root") at = 0;
    else if (typeof after === "string") {
      const found = this.#order.indexOf(after);
      if (found < 0) return undefined;
      at = found + 1;
    }
    this.#items.set(item.id, item);
    this.#order.splice(at, 0, item.id);
    return at === 0 ? null : this.#order[at - 1]!;
  }

  delete(id: string): boolean {
    if (!this.#items.delete(id)) return false;
    this.#order.splice(this.#order.indexOf(id), 1);
    return true;
  }

  functionCall(callId: string): StoredItem | undefined {
    return this.all().find((item) => item.type === "function_call" && item.callId === callId);
  }

  /** Whole calls that nobody has answered. */
  unanswered(): readonly StoredItem[] {
    return this.all().filter(
      (item) => item.type === "function_call" && item.status === "completed" && !item.answered,
    );
  }
}
