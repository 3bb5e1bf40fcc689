/** The conversation as the server keeps it: items in order, and what is known of each. */
import type { Json, JsonObject } from "./check.js";

export interface StoredItem {
  readonly id: string;
  readonly type:
    | "message"
    | "function_call"
    | "function_call_output"
    | "mcp_call"
    | "mcp_list_tools"
    | "mcp_approval_request"
    | "mcp_approval_response";
  readonly role: "user" | "assistant" | "system" | null;
  status: "completed" | "incomplete" | "in_progress";
  /** As the wire shows it, without audio data. */
  content: readonly JsonObject[];
  /** `phase` of a message; null sends none. */
  readonly phase: string | null;
  readonly callId: string | null;
  readonly name: string | null;
  arguments: string;
  readonly output: string;
  /** The server made the sound of this item. */
  readonly spoken: boolean;
  /** All of that sound; `sentBytes` of it have been sent. */
  readonly audio: Uint8Array;
  sentBytes: number;
  /** What a truncation left; null = never truncated. */
  keptMs: number | null;
  /** A function call that has its output. */
  answered: boolean;
  /** Of an item about MCP: all its fields but id and type. */
  extra: JsonObject;
}

const NO_AUDIO = new Uint8Array(0);

export function newItem(
  fields: Pick<StoredItem, "id" | "type"> & Partial<Omit<StoredItem, "id" | "type">>,
): StoredItem {
  return {
    role: null,
    status: "completed",
    content: [],
    phase: null,
    callId: null,
    name: null,
    arguments: "",
    output: "",
    spoken: false,
    audio: NO_AUDIO,
    sentBytes: 0,
    keptMs: null,
    answered: false,
    extra: {},
    ...fields,
  };
}

/** Ms of audio that a client may keep of it. */
export function audioMsOf(item: StoredItem): number {
  const sentMs = Math.floor(item.sentBytes / 8);
  return item.keptMs === null ? sentMs : Math.min(item.keptMs, sentMs);
}

/** Live captures show no `object` field in an item. */
export function wireItem(item: StoredItem): JsonObject {
  const { id, type } = item;
  const head: Record<string, Json> = { id, type, status: item.status };
  switch (type) {
    case "message":
      return {
        ...head,
        role: item.role,
        ...(item.phase === null ? {} : { phase: item.phase }),
        content: item.content,
      };
    case "function_call":
      return { ...head, call_id: item.callId, name: item.name, arguments: item.arguments };
    case "function_call_output":
      return { ...head, call_id: item.callId, output: item.output };
    default:
      return { id, type, ...item.extra };
  }
}

/** As `conversation.item.retrieved` shows it: with the audio of what the server spoke. */
export function wholeItem(item: StoredItem): JsonObject {
  const shown = wireItem(item);
  if (!item.spoken) return shown;
  const bytes = item.audio.subarray(0, Math.min(item.sentBytes, audioMsOf(item) * 8));
  const audio = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  return { ...shown, content: item.content.map((part) => ({ ...part, audio })) };
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

  /** @returns the id before it, or null; undefined: `after` is unknown, and nothing was added. */
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

  /** Whole function calls without an output. An output answers every call that has its id. */
  unanswered(): readonly StoredItem[] {
    const calls = this.all().filter(
      (item) => item.type === "function_call" && item.status === "completed",
    );
    const answered = new Set(calls.filter((call) => call.answered).map(({ callId }) => callId));
    return calls.filter(({ callId }) => !answered.has(callId));
  }
}
