import { describe, expect, it } from "vitest";
import { EventReader } from "../../../../src/relay/model/openai-realtime/event-reader.js";
import { maxEventBytes } from "../../../../src/wire/realtime-head.js";
import { openSession, readySession, type Stage } from "./session-stage.js";

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += bytes[i]!;
  return sum;
}

function bestOf(run: () => unknown): number {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const startedMs = performance.now();
    run();
    bestMs = Math.min(bestMs, performance.now() - startedMs);
  }
  return bestMs;
}

/** A member that makes an event too large for its type. */
const big = (type: string) => `"x":[${"1,".repeat(maxEventBytes(type))}1]`;
const tooLarge = ({ metrics }: Stage) =>
  metrics.count("upstreamErrors", { code: "limit_exceeded" });
const invalid = ({ metrics }: Stage) => metrics.count("upstreamErrors", { code: "wire_invalid" });

/** The end of response r1. */
const LARGE_END =
  '{"type":"response.done","response":{"id":"r1","status":"completed",' +
  `${big("response.done")}}}`;

describe("an event that is too large", () => {
  it("still ends its response, which counts as failed when nothing of it was heard", () => {
    const stage = readySession();
    stage.model.created("r1");
    stage.model.saysText(LARGE_END);
    expect(stage.ends()).toMatchObject([
      { responseId: "r1", status: "failed", problem: "event_not_read", calls: [] },
    ]);
    expect(tooLarge(stage)).toBe(1);
    stage.session.speak("Sorry.");
    expect(stage.model.of("response.create")).toHaveLength(1);
  });

  it("still has the calls of its response run, which were reported before", () => {
    const stage = readySession();
    const call = { type: "function_call", call_id: "c1", name: "t", arguments: "{}" };
    stage.model.created("r1");
    for (const [type, status] of [
      ["response.output_item.added", "in_progress"],
      ["response.output_item.done", "completed"],
      ["response.output_item.done", "completed"],
    ] as const)
      stage.model.says({ type, response_id: "r1", output_index: 0, item: { ...call, status } });
    stage.model.saysText(LARGE_END);
    expect(stage.ends()).toMatchObject([
      { status: "completed", calls: [{ callId: "c1", name: "t", arguments: "{}" }] },
    ]);
  });

  it("leaves a response that was heard completed", () => {
    const stage = readySession();
    stage.model.created("r1");
    stage.model.delta("r1", "i1", 800);
    stage.model.saysText(`{"type":"response.done",${big("response.done")}}`);
    expect(stage.ends()).toMatchObject([{ responseId: "r1", status: "completed", spoke: true }]);
  });

  it("still configures the session, and makes it ready", () => {
    const { model, readyCount } = openSession();
    model.open();
    model.saysText(`{"type":"session.created",${big("session.created")}}`);
    expect(model.of("session.update")).toHaveLength(1);
    model.saysText(`{"type":"session.updated",${big("session.updated")}}`);
    expect(readyCount()).toBe(1);
  });

  it("still tells when the caller begins and ends to speak", () => {
    const stage = readySession();
    const type = "input_audio_buffer.speech_started";
    stage.model.saysText(`{"type":"${type}","item_id":"u1",${big(type)}}`);
    stage.session.requestResponse();
    expect(stage.of("callerSpeech")).toMatchObject([["started", "u1", 0]]);
    expect(stage.model.of("response.create")).toEqual([]);
  });

  it("still ends an MCP call", () => {
    const stage = readySession({ profile: { tools: [{ type: "mcp", label: "s", server: {} }] } });
    const item = { type: "mcp_call", id: "c1", server_label: "s", name: "n", arguments: "{}" };
    stage.model.created("r1");
    stage.model.done("r1", { output: [item] });
    const type = "response.mcp_call.completed";
    stage.model.saysText(`{"type":"${type}","item_id":"c1",${big(type)}}`);
    expect(stage.model.of("response.create")).toHaveLength(1);
  });

  it("is dropped, with a warning, when it obliges the session to nothing", () => {
    const stage = readySession();
    const type = "conversation.item.input_audio_transcription.completed";
    stage.model.saysText(`{"type":"${type}","item_id":"u1","transcript":"${"x".repeat(10e6)}"}`);
    stage.model.saysText(`{"x":[${"1,".repeat(4e6)}1]}`);
    expect(stage.told).toEqual([]);
    expect(tooLarge(stage)).toBe(2);
    expect(stage.log.lines.filter((line) => line.startsWith("warn model: event dropped"))).toEqual([
      expect.stringContaining(type),
      expect.stringContaining('"type":null'),
    ]);
  });

  it("takes a small part of the time that a look at each byte takes", () => {
    const stage = readySession();
    const events = [
      `{"type":"response.done","response":{"id":"r1","output":[${"{},".repeat(3e6)}{}]}}`,
      `{"x":[${"1,".repeat(4e6)}1],"type":"conversation.item.retrieved"}`,
      `{"type":"response.output_audio_transcript.done","transcript":"${"x".repeat(10e6)}"}`,
      `{"type":"rate_limits.updated","rate_limits":[${"{},".repeat(3e6)}{}]}`,
      `{"type":"conversation.item.done","item":[${"{},".repeat(3e6)}{}]}`,
    ].map((text) => new TextEncoder().encode(text));
    const session = stage.session as unknown as { message(bytes: Uint8Array): void };
    for (const message of events) {
      // Measured against a bare look at each byte: the machine may be busy with other things.
      const eachMs = bestOf(() => sumOf(message));
      expect(bestOf(() => session.message(message))).toBeLessThan(eachMs);
    }
  });
});

describe("EventReader", () => {
  const types = (direct: boolean, hasMcpTools: boolean) => {
    const handled: string[] = [];
    const nothing = { message: () => false } as never;
    const reader = new EventReader({
      speech: nothing,
      responses: { active: null, activeSpoke: false } as never,
      metrics: {} as never,
      log: {} as never,
      handle: (event) => void handled.push(event.type),
      direct,
      hasMcpTools,
    });
    const item = { id: "i1", type: "message", role: "user" };
    const says = (event: object) => reader.message(new TextEncoder().encode(JSON.stringify(event)));
    says({ type: "conversation.item.done", item });
    says({ type: "response.output_item.added", response_id: "r1", item });
    says({ type: "conversation.item.truncated", item_id: "i1", content_index: 0, audio_end_ms: 1 });
    says({ type: "response.output_text.delta", delta: "x" });
    says({ type: "conversation.item.deleted", item_id: "i1" });
    return handled;
  };

  it("reads the whole item of a function call, and of no other", () => {
    const read: object[] = [];
    const reader = new EventReader({
      speech: { message: () => false } as never,
      responses: {} as never,
      metrics: {} as never,
      log: {} as never,
      handle: (event) => void read.push(event),
      direct: false,
      hasMcpTools: false,
    });
    for (const item of [
      { type: "function_call", call_id: "c1", name: "t" },
      { type: "message", id: "i1", role: "assistant", text: 'a "function_call" in words' },
      { type: "function_call_output", id: "i2", call_id: "c1", output: "1" },
    ]) {
      const event = { type: "response.output_item.done", response_id: "r1", item };
      reader.message(new TextEncoder().encode(JSON.stringify(event)));
    }
    expect(read).toMatchObject([{ responseId: "r1", item: { callId: "c1" } }]);
  });

  it("reads items only for MCP tools, truncations only where the server plays the audio", () => {
    expect(types(false, false)).toEqual([]);
    expect(types(true, false)).toEqual(["conversation.item.truncated"]);
    expect(types(false, true)).toEqual(["conversation.item.done", "response.output_item.added"]);
  });
});

describe("an event that cannot be read", () => {
  it.each([
    ["no JSON", "{"],
    ["no object", "[]"],
    ["no type", "{}"],
    ["what is not text", "\u0000\ufffd"],
  ])("is counted and changes nothing: %s", (_, text) => {
    const stage = readySession();
    stage.model.saysText(text);
    expect(invalid(stage)).toBe(1);
    expect([stage.told, stage.failures]).toEqual([[], []]);
  });

  it("still does what its type obliges the session to", () => {
    const stage = readySession();
    stage.model.created("r1");
    stage.model.says({ type: "response.done", response: null });
    expect(stage.ends()).toMatchObject([{ responseId: "r1", status: "failed" }]);
  });

  it("does not fill the log", () => {
    const stage = readySession();
    for (let i = 0; i < 500; i++) stage.model.saysText("{");
    expect(invalid(stage)).toBe(500);
    expect(stage.log.lines.length).toBeLessThan(20);
  });
});

describe("the texts of a session", () => {
  const delta = (words: string) => ({
    type: "response.output_audio_transcript.delta",
    response_id: "r1",
    item_id: "i1",
    output_index: 0,
    content_index: 0,
    delta: words,
    obfuscation: "aGVsbG8",
  });

  it("are cut to 16 KiB an item, however they come", () => {
    const stage = readySession();
    stage.model.created("r1");
    for (let i = 0; i < 100; i++) stage.model.says(delta("x".repeat(1_000)));
    for (let i = 0; i < 10; i++) stage.model.says(delta("é".repeat(1_000)));
    stage.model.says({
      ...delta(""),
      type: "response.output_audio_transcript.done",
      transcript: "y".repeat(30_000),
    });
    stage.model.says({
      type: "conversation.item.input_audio_transcription.completed",
      item_id: "u1",
      transcript: "z".repeat(40_000),
    });
    const length = (name: string, final: boolean) =>
      stage
        .of(name)
        .filter((args) => args[2] === undefined || args[2] === final)
        .reduce((sum, args) => sum + String(args[1]).length, 0);
    expect(length("agentText", false)).toBe(16 * 1024);
    expect(length("agentText", true)).toBe(16 * 1024);
    expect(length("callerText", true)).toBe(16 * 1024);
  });
});
