/** A whole call, its trace in a collector, and the trace's context at a tool's server. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { silence, speechLike } from "../../sim/audio/synth.js";
import type { ToolDefinition } from "../../src/domain/agent-profile.js";
import { agent } from "../fakes/call-bench.js";
import { type CollectedSpan, startCollector } from "../fakes/collector.js";
import { type Stage, startStage } from "../fakes/stage.js";

const GREETING = { text: "Hello.", audio: speechLike(300, 1) };
const ANSWER = { text: "It left yesterday.", audio: speechLike(300, 2) };
const TOOL_MS = 100;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function startTool(headers: unknown[]): Promise<ToolDefinition> {
  const server = createServer((request, response) => {
    headers.push(request.headers["traceparent"]);
    setTimeout(() => response.end("{}"), TOOL_MS);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  closing.push(() => server.close());
  return {
    name: "lookup_order",
    description: "",
    parameters: { type: "object" },
    source: {
      kind: "http",
      http: {
        method: "POST",
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders`,
        headers: {},
        timeoutMs: 2_000,
        maxResponseBytes: 1_000,
        allowPrivateHosts: ["127.0.0.1"],
        idempotent: false,
      },
    },
    timeoutMs: 2_000,
    sayWhileWaiting: null,
  };
}

async function oneCall(env: Readonly<Record<string, string>>, tool: ToolDefinition) {
  const profile = agent({ tools: [tool] });
  const call = { name: "lookup_order", arguments: { query: "4217" } };
  const stage: Stage = await startStage(
    { turns: [{ say: GREETING }, { calls: [call] }, { say: ANSWER }] },
    {
      agents: {
        agents: new Map([[profile.name, profile]]),
        numbers: new Map(),
        defaultAgent: profile.name,
      },
      twilio: { callees: () => ({ talkMs: 100 }) },
      env,
    },
  );
  closing.push(() => stage.close());
  const caller = stage.twilio.placeCall();
  await stage.until(caller.sid, "agent_heard");
  await caller.say(speechLike(400, 3));
  const answered = () =>
    stage
      .written(caller.sid)
      .some((event) => event.type === "agent_heard" && event.endedMs > 1_000);
  await expect.poll(answered, { timeout: 10_000 }).toBe(true);
  await caller.say(silence(100));
  caller.press("0");
  await stage.until(caller.sid, "ended");
  return { stage, caller };
}

const ms = ({ startTimeUnixNano, endTimeUnixNano }: CollectedSpan): number =>
  Number((BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1_000_000n);

it("a call is one trace: webhook, stream, session, turn with its parts, tool, transfer", async () => {
  const collector = await startCollector();
  closing.push(() => collector.close());
  const headers: string[] = [];
  const tool = await startTool(headers);
  const { stage, caller } = await oneCall(
    { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint },
    tool,
  );
  const { spans } = collector;
  const named = (name: string) => spans.find((span) => span.name === name);
  await expect.poll(() => named("call"), { timeout: 10_000 }).toBeDefined();
  const parts = ["caller speaks", "end of turn", "model", "relay", "playback"];
  const wanted = ["webhook", "dial", "session", "stream", "speech", "turn", ...parts];
  for (const name of [...wanted, "tool lookup_order", "transfer dial"])
    expect([name, named(name)?.name]).toEqual([name, name]);

  const root = named("call")!;
  expect(root.parentSpanId).toBeUndefined();
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([root.traceId]));
  const turn = named("turn")!;
  expect(turn.parentSpanId).toBe(root.spanId);
  for (const name of parts) expect(named(name)?.parentSpanId).toBe(turn.spanId);
  expect(parts.reduce((sum, name) => sum + ms(named(name)!), 0)).toBe(ms(turn));
  expect(ms(named("tool lookup_order")!)).toBeGreaterThanOrEqual(TOOL_MS - 2);

  expect(headers).toEqual([`00-${root.traceId}-${root.spanId}-01`]);
  expect(collector.requests.map(({ text }) => text).join("")).not.toMatch(/yesterday|\+1/);
  expect(stage.record(caller.sid).outcome).toBe("transferred");
});

it("without a collector nothing is traced, and tools get no header", async () => {
  const headers: unknown[] = [];
  await oneCall({}, await startTool(headers));
  expect(headers).toEqual([undefined]);
});
