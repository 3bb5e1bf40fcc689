import type { ItemId, ToolCallId } from "../../../domain/ids.js";
import { SmallMap } from "../../../domain/small-map.js";
import type {
  McpApprovalRequestItem,
  McpCallItem,
  RealtimeItem,
} from "../../../wire/realtime-items.js";
import type { ResponseObject } from "../../../wire/realtime-objects.js";
import type { ModelSessionEvents, SessionTool } from "../model-session.js";
import { isApproved } from "./mcp-approval.js";
import { cutText } from "./text-limit.js";

export type McpEvents = Pick<
  ModelSessionEvents,
  "mcpCallStarted" | "mcpCallEnded" | "mcpToolsFailed"
>;

/**
 * From the end of a call until it is reported without its output, which normally follows at once.
 */
export const OUTPUT_WAIT_MS = 500;
/** From an approval until the call that it allows is considered failed because it did not begin. */
export const APPROVED_CALL_WAIT_MS = 3_000;
/** The calls of a session that are kept. */
const MAX_CALLS = 256;

interface Call {
  readonly callId: ToolCallId;
  serverLabel: string;
  name: string;
  arguments: string;
  startedMs: number;
  /** Null while it runs. */
  endedMs: number | null;
  failed: boolean;
  output: string | null;
  error: string | null;
  /** The call's response has ended, and the model said nothing after the call. */
  awaitsReply: boolean;
  reported: "no" | "started" | "ended";
  /** The call is approved but has not begun; at this time it is considered failed. */
  approvedUntilMs: number | null;
}

/**
 * The calls that OpenAI makes to the tools of MCP servers. The server does not begin a response
 * after such a call, so the session asks for one after the last call of a response that has ended.
 *
 * The events of a call and the end of its response arrive in either order. The item of a call
 * arrives several times, first with its name and last with its output.
 */
export class McpCalls {
  readonly #tools: readonly SessionTool[];
  readonly #events: McpEvents;
  readonly #approve: (request: McpApprovalRequestItem, approve: boolean) => void;
  readonly #calls = new SmallMap<ItemId, Call>();
  readonly #labels = new SmallMap<ItemId, string>();
  readonly #answered: ItemId[] = [];
  /** Calls whose end has not been reported. While there are none, `tick` has nothing to do. */
  #unfinished = 0;
  /** An approval was refused during the active response. */
  #refused = false;
  #replyDue = false;

  /** @param approve  answers an approval request. */
  constructor(
    tools: readonly SessionTool[],
    events: McpEvents,
    approve: (request: McpApprovalRequestItem, approve: boolean) => void,
  ) {
    this.#tools = tools;
    this.#events = events;
    this.#approve = approve;
  }

  /** Whether the model has to be asked for a reply. True once for each reply. */
  takeReplyDue(): boolean {
    const due = this.#replyDue;
    this.#replyDue = false;
    return due;
  }

  /** An item of the conversation, whichever event contained it. */
  item(item: RealtimeItem, nowMs: number): void {
    switch (item.type) {
      case "mcp_list_tools":
        if (item.id !== null && this.#labels.size < MAX_CALLS)
          this.#labels.set(item.id, item.serverLabel);
        return;
      case "mcp_approval_request":
        this.#answer(item, nowMs);
        return;
      case "mcp_call":
        this.#callItem(item, nowMs);
    }
  }

  /** `response.mcp_call.in_progress`. */
  started(itemId: ItemId, nowMs: number): void {
    this.#callOf(itemId, nowMs).approvedUntilMs = null;
  }

  /** `response.mcp_call.completed` or `.failed`. */
  ended(itemId: ItemId, failed: boolean, nowMs: number): void {
    const call = this.#callOf(itemId, nowMs);
    if (call.endedMs === null) this.#end(call, failed, nowMs);
  }

  /** `mcp_list_tools.failed`. */
  toolsFailed(itemId: ItemId): void {
    const servers = this.#tools.filter((tool) => tool.type === "mcp");
    const only = servers.length === 1 ? servers[0]!.label : "unknown";
    this.#events.mcpToolsFailed(this.#labels.get(itemId) ?? only);
  }

  /**
   * A response has ended.
   *
   * @returns  its calls that still run.
   */
  responseDone(response: ResponseObject, nowMs: number): readonly ToolCallId[] {
    for (const item of response.output) this.item(item, nowMs);
    const calls = this.#callsAfterLastWords(response);
    const refused = this.#refused;
    this.#refused = false;
    // After the results of function calls the call itself requests a reply.
    const functions = response.output.some((item) => item.type === "function_call");
    for (const call of calls) call.awaitsReply = !functions;
    const pending = calls.filter((call) => call.endedMs === null).map((call) => call.callId);
    if (functions || pending.length > 0 || (calls.length === 0 && !refused)) return pending;
    for (const call of calls) call.awaitsReply = false;
    this.#replyDue = true;
    return [];
  }

  /** The calls of a response after which the model said nothing more. */
  #callsAfterLastWords({ output }: ResponseObject): Call[] {
    const calls: Call[] = [];
    for (const item of output) {
      if (item.type === "message") calls.length = 0;
      else if (item.type === "mcp_call" || item.type === "mcp_approval_request") {
        const call = this.#calls.get(item.id);
        if (call !== undefined && !calls.includes(call)) calls.push(call);
      }
    }
    return calls;
  }

  tick(nowMs: number): void {
    if (this.#unfinished === 0) return;
    for (const call of this.#calls.values()) {
      if (call.approvedUntilMs !== null && nowMs >= call.approvedUntilMs) {
        call.approvedUntilMs = null;
        call.error = "the approved call was not begun";
        this.#end(call, true, nowMs);
      }
      if (call.endedMs !== null && nowMs - call.endedMs >= OUTPUT_WAIT_MS) this.#report(call);
    }
  }

  #answer(request: McpApprovalRequestItem, nowMs: number): void {
    if (this.#answered.includes(request.id) || this.#answered.length >= MAX_CALLS) return;
    this.#answered.push(request.id);
    const approved = isApproved(this.#tools, request.serverLabel, request.name);
    this.#approve(request, approved);
    if (!approved) {
      this.#refused = true;
      return;
    }
    const call = this.#callOf(request.id, nowMs);
    this.#describe(call, request);
    call.approvedUntilMs = nowMs + APPROVED_CALL_WAIT_MS;
  }

  #callItem(item: McpCallItem, nowMs: number): void {
    const approved = this.#calls.has(item.id) ? undefined : this.#approvedCall(item);
    if (approved !== undefined) {
      approved.approvedUntilMs = null;
      this.#calls.set(item.id, approved);
    }
    const call = this.#callOf(item.id, nowMs);
    this.#describe(call, item);
    if (item.output !== null) call.output = cutText(item.output);
    if (item.error !== null) call.error = cutText(item.error);
    const over = item.output !== null || item.error !== null;
    if (over && call.endedMs === null) this.#end(call, item.error !== null, nowMs);
    if (over) this.#report(call);
  }

  /** The call that an approval allowed. It keeps the id of the approval request. */
  #approvedCall({ approvalRequestId, name, serverLabel }: McpCallItem): Call | undefined {
    if (approvalRequestId !== null) return this.#calls.get(approvalRequestId);
    for (const call of this.#calls.values()) {
      const waits = call.approvedUntilMs !== null;
      if (waits && call.name === name && call.serverLabel === serverLabel) return call;
    }
    return undefined;
  }

  #callOf(itemId: ItemId, nowMs: number): Call {
    const known = this.#calls.get(itemId);
    if (known !== undefined) return known;
    if (this.#calls.size >= MAX_CALLS) this.#forgetOldest();
    const call: Call = {
      callId: itemId as string as ToolCallId,
      serverLabel: "unknown",
      name: "unknown",
      arguments: "",
      startedMs: nowMs,
      endedMs: null,
      failed: false,
      output: null,
      error: null,
      awaitsReply: false,
      reported: "no",
      approvedUntilMs: null,
    };
    this.#calls.set(itemId, call);
    this.#unfinished++;
    return call;
  }

  #forgetOldest(): void {
    const call = this.#calls.dropOldest()!;
    if (call.reported !== "ended" && !this.#calls.values().includes(call)) this.#unfinished--;
  }

  #describe(call: Call, item: McpCallItem | McpApprovalRequestItem): void {
    call.serverLabel = item.serverLabel;
    call.name = item.name;
    if (item.arguments !== "") call.arguments = cutText(item.arguments);
    if (call.reported !== "no") return;
    call.reported = "started";
    const { callId, serverLabel, name } = call;
    this.#events.mcpCallStarted({ callId, serverLabel, name });
  }

  #end(call: Call, failed: boolean, nowMs: number): void {
    call.endedMs = nowMs;
    call.failed = failed;
    if (call.output !== null || call.error !== null) this.#report(call);
    if (!call.awaitsReply) return;
    call.awaitsReply = false;
    const others = this.#calls.values();
    // The reply is requested after the last of them.
    this.#replyDue = !others.some((other) => other.awaitsReply && other.endedMs === null);
  }

  #report(call: Call): void {
    if (call.reported === "ended") return;
    if (call.reported === "no") {
      const { callId, serverLabel, name } = call;
      this.#events.mcpCallStarted({ callId, serverLabel, name });
    }
    call.reported = "ended";
    this.#unfinished--;
    const { callId, serverLabel, name, output, failed } = call;
    this.#events.mcpCallEnded({
      callId,
      serverLabel,
      name,
      arguments: call.arguments,
      output: failed ? null : (output ?? ""),
      error: failed ? (call.error ?? "failed") : null,
      ms: Math.max(0, Math.round((call.endedMs ?? call.startedMs) - call.startedMs)),
    });
  }
}
