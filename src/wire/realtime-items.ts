/**
 * The items of a Realtime (GA) conversation: messages, function calls, and the items of MCP. The
 * server leaves out `object` in them, and may add fields that this version does not know.
 * Source: OpenAI, Realtime conversation items.
 */
import { WireError } from "../domain/errors.js";
import type { ItemId, ToolCallId } from "../domain/ids.js";
import type { Fields } from "./fields.js";

export type ItemStatus = "completed" | "incomplete" | "in_progress";
export type ItemRole = "user" | "assistant" | "system";
/** How the gpt-realtime-2 family marks its words. A commentary precedes a tool call. */
export type ItemPhase = "commentary" | "final_answer";

export interface MessageItem {
  readonly type: "message";
  readonly id: ItemId;
  readonly role: ItemRole;
  readonly status: ItemStatus | null;
  readonly phase: ItemPhase | null;
  readonly content: readonly ContentPart[];
}

export interface FunctionCallItem {
  readonly type: "function_call";
  readonly id: ItemId | null;
  readonly callId: ToolCallId;
  /** At most MAX_NAME_CHARS of it. */
  readonly name: string;
  /** JSON text; half-written unless `status` is "completed". */
  readonly arguments: string;
  readonly status: ItemStatus | null;
}

export interface FunctionCallOutputItem {
  readonly type: "function_call_output";
  readonly id: ItemId;
  readonly callId: ToolCallId;
}

/** A tool call that OpenAI makes by itself, to an MCP server. */
export interface McpCallItem {
  readonly type: "mcp_call";
  readonly id: ItemId;
  readonly serverLabel: string;
  readonly name: string;
  readonly arguments: string;
  /** The approval request that let it run; null: it needed none. */
  readonly approvalRequestId: ItemId | null;
  /** Null while it runs, and when it failed. */
  readonly output: string | null;
  /** Null while it runs, and when it succeeded. */
  readonly error: string | null;
}

/** The tools of one MCP server, or the attempt to list them. */
export interface McpListToolsItem {
  readonly type: "mcp_list_tools";
  readonly id: ItemId | null;
  readonly serverLabel: string;
}

export interface McpApprovalRequestItem {
  readonly type: "mcp_approval_request";
  readonly id: ItemId;
  readonly serverLabel: string;
  readonly name: string;
  readonly arguments: string;
}

export interface UnknownItem {
  readonly type: "unknown";
  readonly id: ItemId | null;
  readonly name: string;
}

export type RealtimeItem =
  | MessageItem
  | FunctionCallItem
  | FunctionCallOutputItem
  | McpCallItem
  | McpListToolsItem
  | McpApprovalRequestItem
  | UnknownItem;

/** Any kind of content; audio data itself is not kept. */
export interface ContentPart {
  /** "output_audio", "input_text", … as the API says. */
  readonly kind: string;
  readonly text: string | null;
  readonly transcript: string | null;
}

/** The longest name of a tool that is kept whole: OpenAI allows 64 characters. */
export const MAX_NAME_CHARS = 256;
/** A call id is only sent back, so it may be longer than an id that is kept and compared. */
const MAX_CALL_ID_CHARS = 16 * 1024;

const ITEM_STATUS = new Map<string | null, ItemStatus>([
  ["completed", "completed"],
  ["incomplete", "incomplete"],
  ["in_progress", "in_progress"],
]);

const ITEM_PHASE = new Map<string | null, ItemPhase>([
  ["commentary", "commentary"],
  ["final_answer", "final_answer"],
]);

/** @throws  WireError when the item is of a known type and lacks a field that the relay needs. */
export function readItem(item: Fields): RealtimeItem {
  const type = item.id("type");
  switch (type) {
    case "message":
      return readMessage(item);
    case "function_call":
      return readFunctionCall(item);
    case "function_call_output":
      return { type, id: item.id("id") as ItemId, callId: item.id("call_id") as ToolCallId };
    case "mcp_call":
      return { type, ...readMcp(item), ...readMcpResult(item) };
    case "mcp_list_tools":
      return { type, id: idOrNull(item), serverLabel: item.id("server_label") };
    case "mcp_approval_request":
      return { type, ...readMcp(item) };
  }
  return { type: "unknown", id: idOrNull(item), name: type };
}

/** The items of a response. An item that cannot be read becomes an unknown one; others are kept. */
export function readOutput(response: Fields): RealtimeItem[] {
  return response.objectsAmong("output").map((item) => {
    try {
      return readItem(item);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { type: "unknown", id: null, name: "unreadable" };
    }
  });
}

export function readPart(part: Fields): ContentPart {
  return {
    kind: part.id("type"),
    text: part.stringOrNull("text"),
    transcript: part.stringOrNull("transcript"),
  };
}

function readMessage(item: Fields): MessageItem | UnknownItem {
  const role = item.id("role");
  if (role !== "user" && role !== "assistant" && role !== "system")
    return { type: "unknown", id: idOrNull(item), name: "message" };
  return {
    type: "message",
    id: item.id("id") as ItemId,
    role,
    status: statusOf(item),
    phase: ITEM_PHASE.get(item.stringOrNull("phase")) ?? null,
    content: item.has("content") ? item.objects("content").map(readPart) : [],
  };
}

/** Every call with a call id can be answered, so nothing else is a reason to refuse one. */
function readFunctionCall(item: Fields): FunctionCallItem {
  const callId = item.string("call_id");
  if (callId.length === 0 || callId.length > MAX_CALL_ID_CHARS)
    throw item.fault("call_id", "is not an id");
  return {
    type: "function_call",
    id: idOrNull(item),
    callId: callId as ToolCallId,
    name: (item.stringOrNull("name") ?? "").slice(0, MAX_NAME_CHARS),
    arguments: item.stringOrNull("arguments") ?? "",
    status: statusOf(item),
  };
}

function readMcp(item: Fields): {
  id: ItemId;
  serverLabel: string;
  name: string;
  arguments: string;
} {
  return {
    id: item.id("id") as ItemId,
    serverLabel: (item.stringOrNull("server_label") ?? "unknown").slice(0, MAX_NAME_CHARS),
    name: (item.stringOrNull("name") ?? "unknown").slice(0, MAX_NAME_CHARS),
    arguments: item.stringOrNull("arguments") ?? "",
  };
}

function readMcpResult(item: Fields): {
  approvalRequestId: ItemId | null;
  output: string | null;
  error: string | null;
} {
  const error = item.has("error") ? item.object("error") : null;
  return {
    approvalRequestId: item.idOrNull("approval_request_id") as ItemId | null,
    output: item.stringOrNull("output"),
    error:
      error === null
        ? null
        : (error.stringOrNull("message") ?? error.stringOrNull("type") ?? "failed"),
  };
}

function statusOf(item: Fields): ItemStatus | null {
  return ITEM_STATUS.get(item.stringOrNull("status")) ?? null;
}

function idOrNull(item: Fields): ItemId | null {
  return item.idOrNull("id") as ItemId | null;
}
