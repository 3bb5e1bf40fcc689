import { afterEach, describe, expect, it } from "vitest";
import type { McpCall, Script } from "../../sim/model/script.js";
import { type ModelOptions, type SimulatedModel, startModel } from "../../sim/model.js";
import { ModelClient } from "./model-client.js";

let model: SimulatedModel;
afterEach(() => model.close());

const MCP_TOOL = { type: "mcp", server_label: "shop", server_url: "https://mcp.example.com" };
const CALL: McpCall = { server: "shop", name: "stock", arguments: { sku: "A1" }, ms: 10 };

async function start(
  turns: Script["turns"],
  options: Partial<ModelOptions> = {},
): Promise<ModelClient> {
  model = await startModel({ script: { turns }, pace: { burstMs: 1 }, ...options });
  return ModelClient.configured(model);
}

const steps = (client: ModelClient, from: string) => {
  const types = client.types();
  return types
    .slice(types.lastIndexOf(from))
    .filter((type, i, all) => type !== all[i - 1] && type !== "rate_limits.updated");
};

describe("tools of an MCP server", () => {
  it.each(["completed", "failed"] as const)("are listed once: %s", async (listing) => {
    const tools = [{ name: "stock", description: "In stock?" }];
    const client = await start([], { mcpServers: { shop: { tools, listing } } });
    const update = { type: "session.update", session: { type: "realtime", tools: [MCP_TOOL] } };
    client.send(update);
    const begun = await client.next("mcp_list_tools.in_progress");
    const ended = await client.next(`mcp_list_tools.${listing}`);
    expect(ended["item_id"]).toBe(begun["item_id"]);
    client.send(update);
    await client.next("session.updated");
    await client.next("session.updated");
    expect(client.types().filter((type) => type === begun.type)).toHaveLength(1);
    const done = client.events.find(
      (event) => event.type === "conversation.item.done" && event["item"].id === begun["item_id"],
    );
    expect(done?.["item"].tools[0]?.name).toBe(listing === "completed" ? "stock" : undefined);
    expect(model.violations()).toEqual([]);
  });
});

describe("an MCP call of a response", () => {
  it("runs on after the response, and its outcome comes last", async () => {
    const client = await start([{ mcp: [{ ...CALL, output: '{"left":3}' }], delayMs: 0 }]);
    client.send({ type: "response.create" });
    await client.next("response.mcp_call.completed");
    const { item } = await client.next("conversation.item.done");
    expect(steps(client, "response.created")).toEqual([
      "response.created",
      "response.output_item.added",
      "conversation.item.added",
      "response.mcp_call_arguments.delta",
      "response.mcp_call_arguments.done",
      "response.mcp_call.in_progress",
      "response.output_item.done",
      "response.done",
      "response.mcp_call.completed",
      "conversation.item.done",
    ]);
    expect(item).toMatchObject({
      type: "mcp_call",
      server_label: "shop",
      name: "stock",
      arguments: '{"sku":"A1"}',
      output: '{"left":3}',
      error: null,
    });
  });

  it("is over before the response, where the script says so", async () => {
    const client = await start([{ mcp: [{ ...CALL, order: "before_done" }], delayMs: 0 }]);
    client.send({ type: "response.create" });
    const { response } = await client.next("response.done");
    expect(response.output[0]).toMatchObject({ type: "mcp_call", output: "{}" });
    const types = client.types();
    expect(types.indexOf("response.mcp_call.completed")).toBeLessThan(
      types.indexOf("response.done"),
    );
  });

  it.each(["before_done", "after_done"] as const)("can fail: %s", async (order) => {
    const client = await start([{ mcp: [{ ...CALL, order, outcome: "failed" }], delayMs: 0 }]);
    client.send({ type: "response.create" });
    const ended = await client.next("response.mcp_call.failed");
    expect(model.sessions[0]!.item(ended["item_id"])!.extra).toMatchObject({
      error: { type: "tool_execution_error" },
      output: null,
    });
    expect(client.types()).not.toContain("response.mcp_call.completed");
  });

  it("can hang", async () => {
    const client = await start([{ mcp: [{ ...CALL, outcome: "hangs" }], delayMs: 0 }]);
    client.send({ type: "response.create" });
    await client.next("rate_limits.updated");
    expect(client.types().at(-2)).toBe("response.done");
  });

  it("gives its output to the response that follows", async () => {
    const outputs: unknown[] = [];
    const client = await start((context) => {
      outputs.push(context.outputs.map(({ name, output }) => [name, output]));
      return context.index === 0 ? { mcp: [CALL], delayMs: 0 } : { say: "Three.", delayMs: 0 };
    });
    client.send({ type: "response.create" });
    await client.next("response.mcp_call.completed");
    client.send({ type: "response.create" });
    await client.next("response.done");
    await client.next("response.done");
    expect(outputs).toEqual([[], [["stock", "{}"]]]);
    expect(model.violations()).toEqual([]);
  });
});

describe("an MCP call that needs approval", () => {
  const ask = async () => {
    const client = await start([{ mcp: [{ ...CALL, approval: true }], delayMs: 0 }]);
    client.send({ type: "response.create" });
    const { response } = await client.next("response.done");
    const [request] = response.output;
    expect(request).toEqual({
      id: expect.any(String),
      type: "mcp_approval_request",
      server_label: "shop",
      name: "stock",
      arguments: '{"sku":"A1"}',
    });
    const answer = (approve: boolean) => ({
      type: "conversation.item.create",
      item: { type: "mcp_approval_response", approval_request_id: request.id, approve },
    });
    return { client, request, answer };
  };

  it("runs once it is approved", async () => {
    const { client, request, answer } = await ask();
    client.send(answer(true));
    const ended = await client.next("response.mcp_call.completed");
    expect(model.sessions[0]!.item(ended["item_id"])!.extra).toMatchObject({
      approval_request_id: request.id,
      output: "{}",
    });
    while (client.types().at(-1) !== "conversation.item.done") await new Promise(setImmediate);
    expect(steps(client, "response.done")).toEqual([
      "response.done",
      "conversation.item.added",
      "conversation.item.done",
      "conversation.item.added",
      "response.mcp_call.in_progress",
      "response.mcp_call.completed",
      "conversation.item.done",
    ]);
    expect(model.violations()).toEqual([]);
    expect((await client.refused(answer(true))).param).toBe("item.approval_request_id");
  });

  it("never runs once it is denied", async () => {
    const { client, answer } = await ask();
    client.send(answer(false));
    client.send({ type: "response.create" });
    await client.next("response.done");
    expect(client.types()).not.toContain("response.mcp_call.in_progress");
    expect(model.violations()).toEqual([]);
  });
});
