/** Client events about conversation items: create, retrieve, delete, truncate. */
import { type JsonObject, valueFault } from "./check.js";
import { audioMsOf, newItem, type StoredItem, wholeItem, wireItem } from "./items.js";
import { Mcp } from "./mcp.js";
import type { ToolOutput } from "./script.js";
import type { SessionContext } from "./session-context.js";

export class ItemRequests {
  readonly mcp: Mcp;
  readonly #session: SessionContext;
  #outputs: ToolOutput[] = [];

  constructor(session: SessionContext) {
    this.#session = session;
    this.mcp = new Mcp(session, (output) => this.#outputs.push(output));
  }

  /** Outputs of tools that no response has read yet. */
  get outputs(): readonly ToolOutput[] {
    return this.#outputs;
  }

  /** @returns them, and forgets them. */
  takeOutputs(): readonly ToolOutput[] {
    const taken = this.#outputs;
    this.#outputs = [];
    return taken;
  }

  create(event: JsonObject): void {
    const session = this.#session;
    const given = event["item"] as JsonObject;
    const id = typeof given["id"] === "string" ? given["id"] : session.nextId("item");
    if (session.conversation.get(id) !== undefined) {
      session.refuseFault(event, valueFault("item.id", `an item '${id}' exists already.`));
      return;
    }
    const after = event["previous_item_id"];
    if (
      typeof after === "string" &&
      after !== "root" &&
      session.conversation.get(after) === undefined
    ) {
      session.refuseFault(event, valueFault("previous_item_id", `no item '${after}'.`));
      return;
    }
    if (!this.#takesEffect(event, given)) return;
    const item = itemOf(id, given);
    const before = session.conversation.add(item, typeof after === "string" ? after : undefined);
    const shown = { previous_item_id: before ?? null, item: wireItem(item) };
    session.send({ type: "conversation.item.added", ...shown });
    session.send({ type: "conversation.item.done", ...shown });
  }

  byId(verb: "retrieve" | "delete", event: JsonObject): void {
    const session = this.#session;
    const id = String(event["item_id"]);
    const item = session.conversation.get(id);
    if (item === undefined) {
      session.refuse(
        event,
        `item_${verb}_invalid_item_id`,
        `Item with item_id not found: ${id}`,
        "item_id",
      );
      return;
    }
    if (verb === "retrieve") {
      session.send({ type: "conversation.item.retrieved", item: wholeItem(item) });
      return;
    }
    session.conversation.delete(id);
    session.send({ type: "conversation.item.deleted", item_id: id });
  }

  truncate(event: JsonObject): void {
    const session = this.#session;
    const itemId = String(event["item_id"]);
    const audioEndMs = event["audio_end_ms"] as number;
    const item = session.conversation.get(itemId);
    const shorterMs = session.faults.audioShorterByMs;
    const fault = truncationFault(itemId, item, event, shorterMs);
    session.truncations.push({
      atMs: session.clock.nowMs(),
      itemId,
      audioEndMs,
      sentMs: item === undefined ? 0 : Math.floor(item.sentBytes / 8),
      accepted: fault === null,
    });
    if (fault !== null || item === undefined) {
      // Where the server counts less than the client received, the client could not know.
      session.refuse(
        event,
        fault?.code ?? "",
        fault?.message ?? "",
        fault?.param ?? null,
        shorterMs > 0 && truncationFault(itemId, item, event, 0) === null,
      );
      return;
    }
    item.keptMs = audioEndMs;
    // The server deletes the item's transcript together with the sound.
    item.content = [{ type: "output_audio", transcript: "" }];
    session.send({
      type: "conversation.item.truncated",
      item_id: itemId,
      content_index: 0,
      audio_end_ms: audioEndMs,
    });
  }

  /** Answers a function call or an approval request. @returns false: the item is refused. */
  #takesEffect(event: JsonObject, given: JsonObject): boolean {
    if (given["type"] === "mcp_approval_response") return this.mcp.approvalResponse(event, given);
    if (given["type"] !== "function_call_output") return true;
    const callId = String(given["call_id"] ?? "");
    const call = this.#session.conversation.functionCall(callId);
    if (call === undefined || call.answered) {
      this.#session.refuse(
        event,
        "invalid_value",
        call === undefined
          ? `Tool call ID '${callId}' not found in conversation.`
          : `Tool call ID '${callId}' has an output already.`,
        "item.call_id",
      );
      return false;
    }
    call.answered = true;
    this.#outputs.push({ name: call.name ?? "", callId, output: String(given["output"]) });
    return true;
  }
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
}

function itemOf(id: string, given: JsonObject): StoredItem {
  const type = given["type"] as StoredItem["type"];
  if (type === "mcp_approval_response") {
    const { id: _id, type: _type, ...extra } = given;
    return newItem({ id, type, extra });
  }
  return newItem({
    id,
    type,
    role: (given["role"] as StoredItem["role"] | undefined) ?? null,
    content: (given["content"] as readonly JsonObject[] | undefined) ?? [],
    callId: typeof given["call_id"] === "string" ? given["call_id"] : null,
    name: typeof given["name"] === "string" ? given["name"] : null,
    arguments: String(given["arguments"] ?? ""),
    output: String(given["output"] ?? ""),
  });
}

function truncationFault(
  itemId: string,
  item: StoredItem | undefined,
  event: JsonObject,
  shorterMs: number,
): Refusal | null {
  if (item === undefined)
    return {
      code: "item_truncate_invalid_item_id",
      message: `Item with item_id not found: ${itemId}`,
      param: "item_id",
    };
  if (!item.spoken || item.role !== "assistant" || item.sentBytes === 0)
    return {
      code: "invalid_value",
      message: "Only model output audio messages can be truncated",
      param: null,
    };
  if (event["content_index"] !== 0)
    return {
      code: "invalid_value",
      message: "Content index out of range.",
      param: "content_index",
    };
  const lengthMs = Math.max(0, audioMsOf(item) - shorterMs);
  const wanted = event["audio_end_ms"] as number;
  return wanted > lengthMs
    ? {
        code: "invalid_value",
        message: `Audio content of ${lengthMs}ms is already shorter than ${wanted}ms`,
        param: "audio_end_ms",
      }
    : null;
}
