import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ItemId, ResponseId } from "../../../../src/domain/ids.js";
import type { SessionTool } from "../../../../src/relay/model/model-session.js";
import {
  APPROVED_CALL_WAIT_MS,
  McpCalls,
  OUTPUT_WAIT_MS,
} from "../../../../src/relay/model/openai-realtime/mcp-calls.js";
import type { McpCallItem, RealtimeItem } from "../../../../src/wire/realtime-items.js";
import type { ResponseObject } from "../../../../src/wire/realtime-objects.js";
import { readySession } from "./session-stage.js";

const SHOP: SessionTool = {
  type: "mcp",
  label: "shop",
  server: { server_url: "https://shop.test/mcp" },
};
const id = (text: string) => text as ItemId;
const call = (name: string, more: Partial<McpCallItem> = {}): McpCallItem => ({
  type: "mcp_call",
  id: id(name),
  serverLabel: "shop",
  name: "search",
  arguments: '{"q":"tea"}',
  approvalRequestId: null,
  output: null,
  error: null,
  ...more,
});
const words = (name = "m1"): RealtimeItem => ({
  type: "message",
  id: id(name),
  role: "assistant",
  status: "completed",
  phase: null,
  content: [],
});
const done = (...output: RealtimeItem[]): ResponseObject => ({
  id: "r1" as ResponseId,
  status: "completed",
  statusDetails: null,
  output,
  conversationId: null,
  metadata: {},
  usage: null,
});
const request = (name = "a1"): RealtimeItem => ({
  type: "mcp_approval_request",
  id: id(name),
  serverLabel: "shop",
  name: "search",
  arguments: "{}",
});

function open(tools: readonly SessionTool[] = [SHOP]) {
  const told: unknown[][] = [];
  const answered: unknown[][] = [];
  const mcp = new McpCalls(
    tools,
    {
      mcpCallStarted: (started) => void told.push(["started", started.callId, started.name]),
      mcpCallEnded: ({ callId, output, error, ms }) =>
        void told.push(["ended", callId, output ?? error, ms]),
      mcpToolsFailed: (label) => void told.push(["tools failed", label]),
    },
    (item, approve) => void answered.push([item.id, approve]),
  );
  /** The calls of a response that still run, and whether a reply is due. */
  const end = (response: ResponseObject, nowMs: number) => [
    mcp.responseDone(response, nowMs),
    mcp.takeReplyDue(),
  ];
  const ended = (name: string, failed: boolean, nowMs: number) => {
    mcp.ended(id(name), failed, nowMs);
    return mcp.takeReplyDue();
  };
  const tick = (nowMs: number) => {
    mcp.tick(nowMs);
    return mcp.takeReplyDue();
  };
  return { mcp, told, answered, end, ended, tick };
}

describe("McpCalls", () => {
  it("asks for a reply when the response ends before its call", () => {
    const { mcp, told, end, ended } = open();
    mcp.item(call("c1"), 0);
    mcp.started(id("c1"), 10);
    expect(end(done(call("c1")), 20)).toEqual([["c1"], false]);
    expect(ended("c1", false, 250)).toBe(true);
    mcp.item(call("c1", { output: "found" }), 260);
    expect(told).toEqual([
      ["started", "c1", "search"],
      ["ended", "c1", "found", 250],
    ]);
  });

  it("asks for a reply when the call ends before its response", () => {
    const { mcp, told, end, ended } = open();
    mcp.item(call("c1"), 0);
    expect(ended("c1", false, 100)).toBe(false);
    expect(end(done(call("c1", { output: "found" })), 120)).toEqual([[], true]);
    expect(told.at(-1)).toEqual(["ended", "c1", "found", 100]);
  });

  it("asks once, after the last of several calls", () => {
    const { end, ended } = open();
    expect(end(done(call("c1"), call("c2")), 0)[0]).toEqual(["c1", "c2"]);
    expect(ended("c2", false, 10)).toBe(false);
    expect(ended("c1", true, 20)).toBe(true);
    expect(ended("c1", true, 30)).toBe(false);
  });

  it("asks for no reply when the model spoke after the call", () => {
    const { end } = open();
    expect(end(done(call("c1", { output: "x" }), words()), 0)[1]).toBe(false);
  });

  it("asks for one when the words came before the call", () => {
    const { end } = open();
    expect(end(done(words(), call("c1", { output: "x" })), 0)[1]).toBe(true);
  });

  it("leaves the reply to the results of functions that the response calls, too", () => {
    const { end, ended } = open();
    const fn: RealtimeItem = {
      type: "function_call",
      id: id("f1"),
      callId: "f1" as never,
      name: "t",
      arguments: "{}",
      status: "completed",
    };
    expect(end(done(call("c1"), fn), 0)).toEqual([["c1"], false]);
    expect(ended("c1", false, 10)).toBe(false);
    expect(end(done(call("c2", { output: "x" }), fn), 20)).toEqual([[], false]);
  });

  it("reports a failed call with its error", () => {
    const { mcp, told, ended } = open();
    mcp.item(call("c1"), 0);
    ended("c1", true, 100);
    mcp.item(call("c1", { error: "the server is down" }), 110);
    expect(told.at(-1)).toEqual(["ended", "c1", "the server is down", 100]);
  });

  it("reports an end whose output never comes", () => {
    const { mcp, told, ended } = open();
    mcp.item(call("c1"), 0);
    ended("c1", false, 100);
    mcp.tick(100 + OUTPUT_WAIT_MS - 1);
    expect(told).toHaveLength(1);
    mcp.tick(100 + OUTPUT_WAIT_MS);
    mcp.tick(100 + 2 * OUTPUT_WAIT_MS);
    expect(told).toEqual([
      ["started", "c1", "search"],
      ["ended", "c1", "", 100],
    ]);
  });

  it("tells of a call of which only the item came", () => {
    const { mcp, told } = open();
    mcp.item(call("c1", { output: "found" }), 50);
    expect(told).toEqual([
      ["started", "c1", "search"],
      ["ended", "c1", "found", 0],
    ]);
  });

  it("keeps no more of an output than fits into a record", () => {
    const { mcp, told } = open();
    mcp.item(call("c1", { output: "x".repeat(1e6) }), 0);
    expect(told.at(-1)?.[2]).toHaveLength(16 * 1024);
  });

  it("names the server whose tools could not be listed", () => {
    const { mcp, told } = open([SHOP, { ...SHOP, label: "bank" }]);
    mcp.item({ type: "mcp_list_tools", id: id("l1"), serverLabel: "bank" }, 0);
    mcp.toolsFailed(id("l1"));
    mcp.toolsFailed(id("l2"));
    const one = open();
    one.mcp.toolsFailed(id("l3"));
    expect([...told, ...one.told].map(([, label]) => label)).toEqual(["bank", "unknown", "shop"]);
  });

  it("approves what the agent allows, once, and waits for the call", () => {
    const { mcp, told, answered, end, ended } = open();
    mcp.item(request(), 0);
    expect(end(done(request()), 10)).toEqual([["a1"], false]);
    mcp.item(call("c1", { approvalRequestId: id("a1") }), 20);
    expect(ended("c1", false, 200)).toBe(true);
    mcp.item(call("c1", { output: "found" }), 210);
    expect(answered).toEqual([["a1", true]]);
    expect(told).toEqual([
      ["started", "a1", "search"],
      ["ended", "a1", "found", 200],
    ]);
  });

  it("takes a call for the approved one by its name when it names no request", () => {
    const { mcp, told, ended } = open();
    mcp.responseDone(done(request()), 0);
    mcp.item(call("c1"), 20);
    expect(ended("c1", false, 200)).toBe(true);
    expect(told.filter(([what]) => what === "started")).toHaveLength(1);
  });

  it("refuses what the agent does not allow, and asks for a reply", () => {
    const { told, answered, end } = open([
      { ...SHOP, server: { require_approval: "always" } } as SessionTool,
    ]);
    expect(end(done(request()), 0)).toEqual([[], true]);
    expect(answered).toEqual([["a1", false]]);
    expect(told).toEqual([]);
  });

  it("asks for a reply when an approved call is not begun", () => {
    const { mcp, told, tick } = open();
    mcp.responseDone(done(request()), 0);
    expect(tick(APPROVED_CALL_WAIT_MS - 1)).toBe(false);
    expect(tick(APPROVED_CALL_WAIT_MS)).toBe(true);
    expect(tick(2 * APPROVED_CALL_WAIT_MS)).toBe(false);
    expect(told.at(-1)).toEqual([
      "ended",
      "a1",
      "the approved call was not begun",
      APPROVED_CALL_WAIT_MS,
    ]);
  });

  it("asks for exactly one reply and reports each call once, in any order of its events", () => {
    const names = ["c1", "c2", "c3"];
    const events = fc.shuffledSubarray(
      [...names.flatMap((name) => [`event ${name}`, `item ${name}`]), "done"],
      { minLength: 7, maxLength: 7 },
    );
    fc.assert(
      fc.property(events, (order) => {
        const { mcp, told } = open();
        let replies = 0;
        for (const [i, event] of order.entries()) {
          const [what, name = ""] = event.split(" ");
          if (what === "event") mcp.ended(id(name), false, i);
          else if (what === "item") mcp.item(call(name, { output: "x" }), i);
          else mcp.responseDone(done(...names.map((n) => call(n))), i);
          if (mcp.takeReplyDue()) replies++;
        }
        mcp.tick(10_000);
        if (mcp.takeReplyDue()) replies++;
        const ended = told.filter(([event]) => event === "ended").map(([, name]) => name);
        expect([replies, ended.sort()]).toEqual([1, names]);
      }),
    );
  });

  it("forgets the oldest of very many calls", () => {
    const { mcp, told, tick } = open();
    for (let n = 0; n < 1_000; n++) mcp.item(call(`c${n}`), n);
    mcp.item(call("c999", { output: "found" }), 2_000);
    expect(told.at(-1)).toEqual(["ended", "c999", "found", 1_001]);
    expect(tick(10_000)).toBe(false);
  });
});

describe("a session with MCP tools", () => {
  const item = (more: object = {}) => ({
    type: "mcp_call",
    id: "c1",
    server_label: "shop",
    name: "search",
    arguments: "{}",
    ...more,
  });
  const stage = () => readySession({ profile: { tools: [SHOP] } });

  it("requests one reply after the call of a response that had no words", () => {
    const { model, of, ends } = stage();
    model.created("r1");
    model.says({ type: "response.output_item.added", response_id: "r1", item: item() });
    model.says({ type: "response.mcp_call.in_progress", item_id: "c1", output_index: 0 });
    model.done("r1", { output: [item()] });
    expect(ends()).toMatchObject([{ mcpCalls: ["c1"], calls: [] }]);
    expect(model.of("response.create")).toEqual([]);
    model.says({ type: "response.mcp_call.completed", item_id: "c1", output_index: 0 });
    expect(model.of("response.create")).toHaveLength(1);
    model.says({ type: "conversation.item.done", item: item({ output: "found" }) });
    expect(of("mcpCallEnded")).toMatchObject([[{ serverLabel: "shop", output: "found" }]]);
  });

  it("requests none when another reply is being given by then", () => {
    const { model } = stage();
    model.created("r1");
    model.done("r1", { output: [item()] });
    model.says({ type: "input_audio_buffer.committed", item_id: "u1" });
    model.created("r2");
    model.says({ type: "response.mcp_call.failed", item_id: "c1" });
    model.done("r2");
    expect(model.of("response.create")).toEqual([]);
  });

  it("leaves the reply to the answer of the caller who speaks by then", () => {
    const { model } = stage();
    model.created("r1");
    model.done("r1", { output: [item()] });
    model.says({
      type: "input_audio_buffer.speech_started",
      item_id: "u1",
      audio_start_ms: 0,
    });
    model.says({ type: "response.mcp_call.completed", item_id: "c1" });
    model.says({ type: "input_audio_buffer.speech_stopped", item_id: "u1", audio_end_ms: 1 });
    model.says({ type: "input_audio_buffer.committed", item_id: "u1" });
    model.created("r2");
    model.done("r2");
    expect(model.of("response.create")).toEqual([]);
  });

  it("requests the reply after a filler that was being said meanwhile", () => {
    const { session, model } = stage();
    model.created("r1");
    model.done("r1", { output: [item()] });
    session.speak("One moment.");
    model.created("r2");
    model.says({ type: "response.mcp_call.completed", item_id: "c1" });
    model.done("r2");
    expect(model.of("response.create")).toHaveLength(2);
    expect(model.of("response.create").at(-1)).not.toHaveProperty("response");
  });

  it("answers an approval request", () => {
    const { model } = stage();
    model.created("r1");
    model.done("r1", { output: [item({ type: "mcp_approval_request", id: "a1" })] });
    expect(model.of("conversation.item.create")).toMatchObject([
      { item: { type: "mcp_approval_response", approval_request_id: "a1", approve: true } },
    ]);
  });
});
