/**
 * MCP of one session, the server's part: listing the tools of new servers, running the calls that
 * a response made, and asking for approval before them.
 */
import { isObject, type Json, type JsonObject, valueFault } from "./check.js";
import { newItem, type StoredItem, wireItem } from "./items.js";
import { argumentsText, type McpCall, type ToolOutput } from "./script.js";
import type { SessionContext } from "./session-context.js";

const LIST_MS = 20;
const CALL_MS = 30;

interface PendingApproval {
  readonly call: McpCall;
  readonly outputIndex: number;
}

export class Mcp {
  readonly #session: SessionContext;
  readonly #listed = new Set<string>();
  readonly #approvals = new Map<string, PendingApproval>();
  /** A call has an output that the next response reads. */
  readonly #output: (output: ToolOutput) => void;

  constructor(session: SessionContext, output: (output: ToolOutput) => void) {
    this.#session = session;
    this.#output = output;
  }

  /** The session's tools have changed: tools of servers that are new are listed. */
  toolsChanged(tools: Json): void {
    for (const tool of Array.isArray(tools) ? tools : []) {
      if (!isObject(tool) || tool["type"] !== "mcp") continue;
      const label = String(tool["server_label"]);
      if (this.#listed.has(label)) continue;
      this.#listed.add(label);
      this.#list(label);
    }
  }

  /** The `mcp_call` item of a call. */
  callItem(call: McpCall, approvalRequestId: string | null = null): StoredItem {
    return newItem({
      id: this.#session.nextId("mcp"),
      type: "mcp_call",
      extra: {
        server_label: call.server,
        name: call.name,
        arguments: argumentsText(call.arguments),
        approval_request_id: approvalRequestId,
        output: null,
        error: null,
      },
    });
  }

  /** The `mcp_approval_request` item of a call; an approval runs it. */
  approvalItem(call: McpCall, outputIndex: number): StoredItem {
    const item = newItem({
      id: this.#session.nextId("mcpr"),
      type: "mcp_approval_request",
      extra: {
        server_label: call.server,
        name: call.name,
        arguments: argumentsText(call.arguments),
      },
    });
    this.#approvals.set(item.id, { call, outputIndex });
    return item;
  }

  /** How long the server takes, in ms; Infinity where it never reports. */
  static msOf(call: McpCall): number {
    return call.outcome === "hangs" ? Number.POSITIVE_INFINITY : (call.ms ?? CALL_MS);
  }

  started(item: StoredItem, outputIndex: number): void {
    this.#session.send({
      type: "response.mcp_call.in_progress",
      output_index: outputIndex,
      item_id: item.id,
    });
  }

  /** The server has answered. */
  finished(item: StoredItem, call: McpCall, outputIndex: number): void {
    const failed = call.outcome === "failed";
    const output = call.output ?? "{}";
    const error = call.error ?? { type: "tool_execution_error", message: "The tool failed." };
    item.extra = { ...item.extra, ...(failed ? { error } : { output }) };
    this.#session.send({
      type: failed ? "response.mcp_call.failed" : "response.mcp_call.completed",
      output_index: outputIndex,
      item_id: item.id,
    });
    this.#output({
      name: call.name,
      callId: item.id,
      output: failed ? JSON.stringify(error) : output,
    });
  }

  /** Runs a call outside of a response: its outcome comes after `response.done`. */
  runAside(item: StoredItem, call: McpCall, outputIndex: number): void {
    const ms = Mcp.msOf(call);
    if (ms === Number.POSITIVE_INFINITY) return;
    this.#session.clock.after(ms, () => {
      this.finished(item, call, outputIndex);
      this.#session.send({ type: "conversation.item.done", item: wireItem(item) });
    });
  }

  /** `mcp_approval_response`. @returns false when it answers no request: refused. */
  approvalResponse(event: JsonObject, given: JsonObject): boolean {
    const id = String(given["approval_request_id"]);
    const pending = this.#approvals.get(id);
    if (pending === undefined) {
      const path = "item.approval_request_id";
      this.#session.refuseFault(event, valueFault(path, `no pending approval request '${id}'.`));
      return false;
    }
    this.#approvals.delete(id);
    if (given["approve"] !== true) return true;
    // The answer to the client's event goes first.
    this.#session.clock.after(0, () => this.#runApproved(id, pending));
    return true;
  }

  #runApproved(requestId: string, { call, outputIndex }: PendingApproval): void {
    const item = this.callItem(call, requestId);
    const before = this.#session.conversation.add(item) ?? null;
    this.#session.send({
      type: "conversation.item.added",
      previous_item_id: before,
      item: wireItem(item),
    });
    this.started(item, outputIndex);
    this.runAside(item, call, outputIndex);
  }

  #list(label: string): void {
    const session = this.#session;
    const server = session.options.mcpServers[label] ?? {};
    const item = newItem({
      id: session.nextId("mcpl"),
      type: "mcp_list_tools",
      extra: { server_label: label, tools: [] },
    });
    const before = session.conversation.add(item) ?? null;
    session.send({
      type: "conversation.item.added",
      previous_item_id: before,
      item: wireItem(item),
    });
    session.send({ type: "mcp_list_tools.in_progress", item_id: item.id });
    if (server.listing === "hangs") return;
    session.clock.after(server.listMs ?? LIST_MS, () => {
      if (server.listing === "failed") {
        session.send({ type: "mcp_list_tools.failed", item_id: item.id });
        return;
      }
      const tools = (server.tools ?? []).map(({ name, description, inputSchema }) => ({
        name,
        description: description ?? null,
        input_schema: inputSchema ?? { type: "object", properties: {} },
        annotations: null,
      }));
      item.extra = { server_label: label, tools };
      session.send({ type: "conversation.item.done", item: wireItem(item) });
      session.send({ type: "mcp_list_tools.completed", item_id: item.id });
    });
  }
}
