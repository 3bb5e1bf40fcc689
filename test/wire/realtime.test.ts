import * as fc from "fast-check";
import type { RealtimeClientEvent, RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { describe, expect, it } from "vitest";
import { WireError } from "../../src/domain/errors.js";
import type { ItemId, ResponseId, ToolCallId } from "../../src/domain/ids.js";
import { parseServerEvent } from "../../src/wire/realtime.js";
import { type ClientEvent, encodeClientEvent } from "../../src/wire/realtime-client.js";
import type { ServerEventType } from "../../src/wire/realtime-events.js";
import { usageToTokens } from "../../src/wire/realtime-usage.js";
import { bytesOf } from "./json-text.js";

const parse = (value: unknown) => parseServerEvent(bytesOf(JSON.stringify(value)));

// --- held against the types of OpenAI's own package, by the compiler -----------------------------

/** Events of the package's that a voice call has no use for; they come as `unknown`. */
type LeftOut = "conversation.created" | "conversation.item.created";
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const sameNames: Same<RealtimeServerEvent["type"], ServerEventType | LeftOut> = true;

/**
 * Without `readonly`, without what the API takes and the types do not have (nulls that clear a
 * setting, item references), and without MCP tools, which are passed on as the agents file has
 * them.
 */
type Theirs<T> = T extends { type: "mcp" | "item_reference" }
  ? never
  : T extends string
    ? T
    : T extends object
      ? { -readonly [K in keyof T]: Theirs<Exclude<T[K], null>> }
      : T;
const theirs = (event: Theirs<ClientEvent>): RealtimeClientEvent => event;
const sameClientNames: Same<ClientEvent["type"], RealtimeClientEvent["type"]> = true;

describe("the names of events", () => {
  it("are those of OpenAI's package", () => {
    expect([sameNames, sameClientNames]).toEqual([true, true]);
    expect(theirs({ type: "input_audio_buffer.clear" })).toEqual({
      type: "input_audio_buffer.clear",
    });
  });
});

// --- what the server sends -----------------------------------------------------------------------

const AT = {
  event_id: "event_1",
  response_id: "resp_1",
  item_id: "item_1",
  output_index: 0,
  content_index: 0,
};
const PART = { responseId: "resp_1", itemId: "item_1", contentIndex: 0 };
const CALL = {
  id: "item_2",
  object: "realtime.item",
  type: "function_call",
  status: "completed",
  call_id: "call_1",
  name: "lookup",
  arguments: '{"ref":"A1"}',
};
const CALL_READ = {
  type: "function_call",
  id: "item_2",
  callId: "call_1",
  name: "lookup",
  arguments: '{"ref":"A1"}',
  status: "completed",
};
const SPOKEN = {
  id: "item_1",
  object: "realtime.item",
  type: "message",
  status: "incomplete",
  role: "assistant",
  content: [{ type: "output_audio", transcript: "Hello" }],
};
const SPOKEN_READ = {
  type: "message",
  id: "item_1",
  role: "assistant",
  status: "incomplete",
  phase: null,
  content: [{ kind: "output_audio", text: null, transcript: "Hello" }],
};
const MCP_CALL = {
  id: "item_4",
  type: "mcp_call",
  server_label: "shop",
  name: "search",
  arguments: '{"q":"tea"}',
  output: "found",
  error: null,
  approval_request_id: "item_3",
};
const MCP_CALL_READ = {
  type: "mcp_call",
  id: "item_4",
  serverLabel: "shop",
  name: "search",
  arguments: '{"q":"tea"}',
  output: "found",
  error: null,
  approvalRequestId: "item_3",
};
const USAGE = {
  total_tokens: 1220,
  input_tokens: 1000,
  output_tokens: 220,
  input_token_details: {
    text_tokens: 400,
    audio_tokens: 600,
    image_tokens: 0,
    cached_tokens: 640,
    cached_tokens_details: { text_tokens: 320, audio_tokens: 320, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 60, audio_tokens: 160 },
};

/** What the server sends, and what becomes of it: one of each, so that none can be left out. */
const EVENTS: { readonly [T in ServerEventType]: readonly [sent: object, read: object] } = {
  "session.created": [
    {
      session: {
        id: "sess_1",
        object: "realtime.session",
        model: "gpt-realtime",
        expires_at: 1790000000,
        audio: {
          input: { format: { type: "audio/pcm", rate: 24000 } },
          output: { format: { type: "audio/pcm" } },
        },
      },
    },
    {
      session: {
        id: "sess_1",
        model: "gpt-realtime",
        expiresAtS: 1790000000,
        inputFormat: "audio/pcm",
        outputFormat: "audio/pcm",
      },
    },
  ],
  "session.updated": [
    {
      session: {
        type: "realtime",
        audio: { input: { format: { type: "audio/pcmu" } }, output: {} },
      },
    },
    {
      session: {
        id: null,
        model: null,
        expiresAtS: null,
        inputFormat: "audio/pcmu",
        outputFormat: null,
      },
    },
  ],
  "conversation.item.added": [
    { item: SPOKEN, previous_item_id: "item_0" },
    { item: SPOKEN_READ, previousItemId: "item_0" },
  ],
  "conversation.item.done": [{ item: CALL }, { item: CALL_READ, previousItemId: null }],
  "conversation.item.retrieved": [
    { item: { id: "item_3", type: "function_call_output", call_id: "call_1", output: "{}" } },
    { item: { type: "function_call_output", id: "item_3", callId: "call_1" } },
  ],
  "conversation.item.deleted": [{ item_id: "item_1" }, { itemId: "item_1" }],
  "conversation.item.truncated": [
    { item_id: "item_1", content_index: 0, audio_end_ms: 1480 },
    { itemId: "item_1", contentIndex: 0, audioEndMs: 1480 },
  ],
  "conversation.item.input_audio_transcription.delta": [
    { item_id: "item_1", content_index: 0, delta: "Hel" },
    { itemId: "item_1", delta: "Hel" },
  ],
  "conversation.item.input_audio_transcription.completed": [
    {
      item_id: "item_1",
      content_index: 0,
      transcript: "Hello",
      usage: { type: "tokens", input_tokens: 14, output_tokens: 5, total_tokens: 19 },
    },
    {
      itemId: "item_1",
      transcript: "Hello",
      usage: { type: "tokens", inputTokens: 14, outputTokens: 5, totalTokens: 19 },
    },
  ],
  "conversation.item.input_audio_transcription.segment": [
    {
      item_id: "item_1",
      content_index: 0,
      id: "seg_1",
      text: "Hello",
      speaker: "A",
      start: 0.5,
      end: 1.25,
    },
    { itemId: "item_1", text: "Hello", speaker: "A", startS: 0.5, endS: 1.25 },
  ],
  "conversation.item.input_audio_transcription.failed": [
    {
      item_id: "item_1",
      content_index: 0,
      error: { type: "transcription_error", code: "audio_unintelligible", message: "?" },
    },
    {
      itemId: "item_1",
      error: {
        type: "transcription_error",
        code: "audio_unintelligible",
        message: "?",
        param: null,
        eventId: null,
      },
    },
  ],
  "input_audio_buffer.speech_started": [
    { item_id: "item_1", audio_start_ms: 640 },
    { itemId: "item_1", audioStartMs: 640 },
  ],
  "input_audio_buffer.speech_stopped": [
    { item_id: "item_1", audio_end_ms: 2080 },
    { itemId: "item_1", audioEndMs: 2080 },
  ],
  "input_audio_buffer.committed": [
    { item_id: "item_1", previous_item_id: null },
    { itemId: "item_1", previousItemId: null },
  ],
  "input_audio_buffer.cleared": [{}, {}],
  "input_audio_buffer.timeout_triggered": [
    { item_id: "item_1", audio_start_ms: 0, audio_end_ms: 5000 },
    { itemId: "item_1", audioStartMs: 0, audioEndMs: 5000 },
  ],
  "input_audio_buffer.dtmf_event_received": [
    { event: "9", received_at: 1790000000 },
    { digit: "9" },
  ],
  "response.created": [
    {
      response: {
        id: "resp_1",
        status: "in_progress",
        status_details: null,
        output: [],
        conversation_id: "conv_1",
        metadata: { purpose: "greeting" },
        usage: null,
      },
    },
    {
      response: {
        id: "resp_1",
        status: "in_progress",
        statusDetails: null,
        output: [],
        conversationId: "conv_1",
        metadata: { purpose: "greeting" },
        usage: null,
      },
    },
  ],
  "response.done": [
    {
      response: {
        id: "resp_1",
        status: "failed",
        status_details: {
          type: "failed",
          error: { type: "server_error", code: "rate_limit_exceeded", message: "slow down" },
        },
        output: [SPOKEN, CALL, MCP_CALL],
        conversation_id: null,
        usage: USAGE,
      },
    },
    {
      response: {
        id: "resp_1",
        status: "failed",
        statusDetails: {
          reason: null,
          errorType: "server_error",
          errorCode: "rate_limit_exceeded",
          errorMessage: "slow down",
        },
        output: [SPOKEN_READ, CALL_READ, MCP_CALL_READ],
        conversationId: null,
        metadata: {},
        usage: {
          inputTokens: 1000,
          outputTokens: 220,
          input: { textTokens: 400, audioTokens: 600, imageTokens: 0 },
          cachedTokens: 640,
          cached: { textTokens: 320, audioTokens: 320, imageTokens: 0 },
          output: { textTokens: 60, audioTokens: 160, imageTokens: null },
        },
      },
    },
  ],
  "response.output_item.added": [
    {
      ...AT,
      item: {
        id: "item_2",
        type: "function_call",
        status: "in_progress",
        call_id: "call_1",
        name: "lookup",
        arguments: "",
      },
    },
    { responseId: "resp_1", item: { ...CALL_READ, status: "in_progress", arguments: "" } },
  ],
  "response.output_item.done": [
    { ...AT, item: CALL },
    { responseId: "resp_1", item: CALL_READ },
  ],
  "response.content_part.added": [
    { ...AT, part: { type: "audio", transcript: "" } },
    { ...PART, part: { kind: "audio", text: null, transcript: "" } },
  ],
  "response.content_part.done": [
    { ...AT, part: { type: "text", text: "Hi" } },
    { ...PART, part: { kind: "text", text: "Hi", transcript: null } },
  ],
  "response.output_audio.delta": [
    { ...AT, delta: "//8=" },
    { ...PART, delta: "//8=" },
  ],
  "response.output_audio.done": [AT, PART],
  "response.output_audio_transcript.delta": [
    { ...AT, delta: "Hel" },
    { ...PART, delta: "Hel" },
  ],
  "response.output_audio_transcript.done": [
    { ...AT, transcript: "Hello" },
    { ...PART, transcript: "Hello" },
  ],
  "response.output_text.delta": [
    { ...AT, delta: "Hel" },
    { ...PART, delta: "Hel" },
  ],
  "response.output_text.done": [
    { ...AT, text: "Hello" },
    { ...PART, text: "Hello" },
  ],
  "response.function_call_arguments.delta": [
    { ...AT, call_id: "call_1", delta: '{"re' },
    { responseId: "resp_1", itemId: "item_1", callId: "call_1", delta: '{"re' },
  ],
  "response.function_call_arguments.done": [
    { ...AT, call_id: "call_1", name: "lookup", arguments: "{}" },
    { responseId: "resp_1", itemId: "item_1", callId: "call_1", arguments: "{}" },
  ],
  "rate_limits.updated": [
    { rate_limits: [{ name: "tokens", limit: 50000, remaining: 49950, reset_seconds: 0.06 }] },
    { limits: [{ name: "tokens", limit: 50000, remaining: 49950, resetSeconds: 0.06 }] },
  ],
  "output_audio_buffer.started": [{ response_id: "resp_1" }, { responseId: "resp_1" }],
  "output_audio_buffer.stopped": [{ response_id: "resp_1" }, { responseId: "resp_1" }],
  "output_audio_buffer.cleared": [{}, { responseId: null }],
  "mcp_list_tools.in_progress": [{ item_id: "item_1" }, { itemId: "item_1" }],
  "mcp_list_tools.completed": [{ item_id: "item_1" }, { itemId: "item_1" }],
  "mcp_list_tools.failed": [{ item_id: "item_1" }, { itemId: "item_1" }],
  "response.mcp_call.in_progress": [{ item_id: "item_1" }, { itemId: "item_1" }],
  "response.mcp_call.completed": [{ item_id: "item_1" }, { itemId: "item_1" }],
  "response.mcp_call.failed": [{ item_id: "item_1" }, { itemId: "item_1" }],
  "response.mcp_call_arguments.delta": [
    { ...AT, delta: "{" },
    { responseId: "resp_1", itemId: "item_1" },
  ],
  "response.mcp_call_arguments.done": [
    { ...AT, arguments: "{}" },
    { responseId: "resp_1", itemId: "item_1" },
  ],
  error: [
    {
      error: {
        type: "invalid_request_error",
        code: "invalid_value",
        message: "…",
        param: null,
        event_id: "trunc-7",
      },
    },
    {
      error: {
        type: "invalid_request_error",
        code: "invalid_value",
        message: "…",
        param: null,
        eventId: "trunc-7",
      },
    },
  ],
};

/** Sent by the server, not used here: its absence is not noticed. */
const NOT_USED = new Set(["event_id", "output_index", "received_at"]);
/** May be absent. */
const OPTIONAL = new Set([
  "conversation.item.added previous_item_id",
  "input_audio_buffer.committed previous_item_id",
  "conversation.item.input_audio_transcription.delta content_index",
  "conversation.item.input_audio_transcription.delta delta",
  "conversation.item.input_audio_transcription.completed content_index",
  "conversation.item.input_audio_transcription.completed usage",
  "conversation.item.input_audio_transcription.segment content_index",
  "conversation.item.input_audio_transcription.segment id",
  "conversation.item.input_audio_transcription.segment speaker",
  "conversation.item.input_audio_transcription.failed content_index",
  "response.content_part.added content_index",
  "response.content_part.done content_index",
  "response.output_audio.delta content_index",
  "response.output_audio.done content_index",
  "response.output_audio_transcript.delta content_index",
  "response.output_audio_transcript.done content_index",
  "response.output_text.delta content_index",
  "response.output_text.done content_index",
  "response.output_item.added item_id",
  "response.output_item.added content_index",
  "response.output_item.done item_id",
  "response.output_item.done content_index",
  "response.function_call_arguments.delta content_index",
  "response.function_call_arguments.done content_index",
  "response.function_call_arguments.done name",
  "rate_limits.updated rate_limits",
  "output_audio_buffer.started response_id",
  "output_audio_buffer.stopped response_id",
  "response.mcp_call_arguments.delta content_index",
  "response.mcp_call_arguments.delta delta",
  "response.mcp_call_arguments.done content_index",
  "response.mcp_call_arguments.done arguments",
]);

describe("parseServerEvent", () => {
  it.each(Object.entries(EVENTS))("reads %s", (type, [sent, read]) => {
    expect(parse({ type, event_id: "event_1", ...sent })).toEqual({ type, ...read });
  });

  /** Keys of ours that the parser cannot do without: each is taken out once. */
  it.each(
    Object.entries(EVENTS).flatMap(([type, [sent]]) =>
      Object.keys(sent)
        .filter((key) => !OPTIONAL.has(`${type} ${key}`) && !NOT_USED.has(key))
        .map((key) => [type, key, sent] as const),
    ),
  )("refuses %s without %s", (type, key, sent) => {
    expect(() => parse({ type, ...sent, [key]: undefined })).toThrow(WireError);
  });

  it.each([
    "conversation.created",
    "response.cancelled",
    "response.audio.delta",
    "toString",
    "__proto__",
  ])("counts %s among the unknown", (name) =>
    expect(parse({ type: name })).toEqual({ type: "unknown", name }),
  );

  it("reads a response that has hardly begun, and one of a status yet to be invented", () => {
    expect(parse({ type: "response.created", response: { id: "resp_1" } })).toMatchObject({
      response: { id: "resp_1", status: "unknown", statusDetails: null, output: [], usage: null },
    });
    expect(
      parse({ type: "response.done", response: { id: "resp_1", status: "paused" } }),
    ).toMatchObject({
      response: { status: "unknown" },
    });
  });

  it("reads why a response was cut off", () => {
    const response = {
      id: "resp_1",
      status: "cancelled",
      status_details: { type: "cancelled", reason: "turn_detected" },
    };
    expect(parse({ type: "response.done", response })).toMatchObject({
      response: {
        status: "cancelled",
        statusDetails: { reason: "turn_detected", errorCode: null },
      },
    });
  });

  it("reads transcription billed by duration, and leaves a third way of billing alone", () => {
    const completed = (usage: unknown) =>
      parse({
        type: "conversation.item.input_audio_transcription.completed",
        item_id: "item_1",
        transcript: "",
        usage,
      });
    expect(completed({ type: "duration", seconds: 2.5 })).toMatchObject({
      usage: { type: "duration", seconds: 2.5 },
    });
    expect(completed({ type: "wishes" })).toMatchObject({ usage: null });
    expect(completed(undefined)).toMatchObject({ usage: null });
  });

  it("takes a message of a role it does not know for an unknown item", () => {
    expect(
      parse({
        type: "conversation.item.added",
        item: { id: "item_1", type: "message", role: "critic" },
      }),
    ).toMatchObject({ item: { type: "unknown", id: "item_1", name: "message" } });
  });

  it("reads the end of a response whatever else stands in it", () => {
    const done = (more: object) => {
      const event = parse({ type: "response.done", response: { id: "resp_1", ...more } });
      return event.type === "response.done" ? event.response : null;
    };
    expect(done({ output: {} })?.output).toEqual([]);
    expect(done({ usage: { input_tokens: -1 } })?.usage).toBeNull();
    expect(done({ metadata: 7, status: 7, status_details: "?" })).toMatchObject({
      metadata: {},
      status: "unknown",
      statusDetails: null,
    });
    expect(done({ status_details: { error: "?", reason: 7 } })?.statusDetails).toEqual({
      reason: null,
      errorType: null,
      errorCode: null,
      errorMessage: null,
    });
  });

  it("reads every item of a response that can be read, and keeps no more of a name than fits", () => {
    const long = { ...CALL, id: null, name: "n".repeat(600), call_id: "c".repeat(600) };
    const output = [7, null, { type: "function_call" }, { type: 7 }, long, CALL];
    const event = parse({ type: "response.done", response: { id: "resp_1", output } });
    expect(event).toMatchObject({
      response: {
        output: [
          { type: "unknown", name: "unreadable" },
          { type: "unknown", name: "unreadable" },
          { ...CALL_READ, id: null, name: "n".repeat(256), callId: "c".repeat(600) },
          CALL_READ,
        ],
      },
    });
  });

  it.each([
    [
      { type: "mcp_call", id: "m", error: { type: "http_error", code: 500, message: "down" } },
      "down",
    ],
    [{ type: "mcp_call", id: "m", error: { type: "protocol_error" } }, "protocol_error"],
    [{ type: "mcp_call", id: "m", error: {} }, "failed"],
  ])("tells why an MCP call failed: %j", (item, error) => {
    expect(parse({ type: "conversation.item.done", item })).toMatchObject({
      item: { output: null, error },
    });
  });

  it.each([
    [
      { type: "mcp_list_tools", id: "l", server_label: "shop", tools: [] },
      { type: "mcp_list_tools", id: "l", serverLabel: "shop" },
    ],
    [
      {
        type: "mcp_approval_request",
        id: "a",
        server_label: "shop",
        name: "buy",
        arguments: "{}",
      },
      {
        type: "mcp_approval_request",
        id: "a",
        serverLabel: "shop",
        name: "buy",
        arguments: "{}",
      },
    ],
    [
      { type: "message", id: "m", role: "assistant", phase: "commentary" },
      {
        type: "message",
        id: "m",
        role: "assistant",
        status: null,
        phase: "commentary",
        content: [],
      },
    ],
  ])("reads the item %j", (item, read) => {
    expect(parse({ type: "conversation.item.added", item })).toEqual({
      type: "conversation.item.added",
      item: read,
      previousItemId: null,
    });
  });

  it("takes an event that names no part for one of the first", () => {
    const { content_index: _, ...at } = AT;
    const type = "response.output_audio.delta";
    expect(parse({ type, ...at, delta: "AAAA" })).toEqual({ type, ...PART, delta: "AAAA" });
  });

  it("leaves out limits that it cannot read", () => {
    const rate_limits = [7, { name: 1 }, { name: "tokens", remaining: "many", reset_seconds: 1 }];
    expect(parse({ type: "rate_limits.updated", rate_limits })).toEqual({
      type: "rate_limits.updated",
      limits: [{ name: "tokens", limit: null, remaining: null, resetSeconds: 1 }],
    });
  });

  it("throws nothing but WireError, whatever JSON or bytes come", () => {
    const types = fc.constantFrom(...Object.keys(EVENTS), "unheard.of");
    const keys = fc.constantFrom(
      ...["item_id", "response_id", "content_index", "delta", "transcript", "error", "usage"],
      ...["session", "response", "item", "part", "rate_limits", "audio_end_ms", "text", "event"],
    );
    const nested = fc.oneof(
      fc.jsonValue({ maxDepth: 4 }),
      fc.dictionary(
        fc.constantFrom("id", "type", "output", "status_details", "content", "usage", "audio"),
        fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom("message", "mcp_call", [{}])),
      ),
    );
    const event = fc.tuple(types, fc.dictionary(keys, nested)).map(([type, fields]) => ({
      type,
      ...fields,
    }));
    const bytes = fc.oneof(
      event.map((value) => bytesOf(JSON.stringify(value))),
      fc.jsonValue().map((value) => bytesOf(JSON.stringify(value))),
      fc.uint8Array({ maxLength: 200 }),
    );
    let read = 0;
    fc.assert(
      fc.property(bytes, (message) => {
        try {
          parseServerEvent(message);
          read++;
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
        }
      }),
      { numRuns: 5_000 },
    );
    expect(read).toBeGreaterThan(50);
  });

  it.each([
    ["an index below 0", { type: "response.output_audio.done", ...AT, content_index: -1 }],
    ["an index with a fraction", { type: "response.output_audio.done", ...AT, content_index: 0.5 }],
    ["an empty id", { type: "response.output_audio.done", ...AT, item_id: "" }],
    ["a response without id", { type: "response.done", response: { status: "completed" } }],
    [
      "a call without call_id",
      { type: "conversation.item.added", item: { ...CALL, call_id: undefined } },
    ],
    ["no type", { event_id: "event_1" }],
  ])("refuses %s", (_, event) => expect(() => parse(event)).toThrow(WireError));

  it("refuses a number that is infinite", () => {
    const text =
      '{"type":"input_audio_buffer.speech_started","item_id":"i","audio_start_ms":1e999}';
    expect(() => parseServerEvent(bytesOf(text))).toThrow(WireError);
  });

  it("never says what stood there", () => {
    let said = "";
    try {
      parse({ type: "response.output_audio_transcript.done", ...AT, transcript: ["s3cret"] });
    } catch (error) {
      said = String(error);
    }
    expect(said).toBe("WireError: realtime: transcript is not a string");
  });
});

describe("usageToTokens", () => {
  const tokens = (usage: unknown) => {
    const event = parse({ type: "response.done", response: { id: "resp_1", usage } });
    if (event.type !== "response.done" || event.response.usage === null)
      throw new Error("no usage");
    return usageToTokens(event.response.usage);
  };
  const NONE = {
    inputText: 0,
    inputAudio: 0,
    inputImage: 0,
    cachedText: 0,
    cachedAudio: 0,
    cachedImage: 0,
    outputText: 0,
    outputAudio: 0,
  };

  it("sorts by price class", () => {
    expect(tokens(USAGE)).toEqual({
      inputText: 400,
      inputAudio: 600,
      inputImage: 0,
      cachedText: 320,
      cachedAudio: 320,
      cachedImage: 0,
      outputText: 60,
      outputAudio: 160,
    });
  });

  it("counts what is missing as 0", () => {
    expect(tokens({})).toEqual(NONE);
    expect(
      tokens({ input_token_details: null, output_token_details: { audio_tokens: 5 } }),
    ).toEqual({
      ...NONE,
      outputAudio: 5,
    });
  });

  it.each([
    [100, { cachedText: 100, cachedAudio: 0, cachedImage: 0 }],
    [450, { cachedText: 400, cachedAudio: 50, cachedImage: 0 }],
    [9999, { cachedText: 400, cachedAudio: 600, cachedImage: 10 }],
  ])(
    "takes %i unsorted cached tokens as text first, and never more than there were",
    (cached, wanted) => {
      const details = {
        text_tokens: 400,
        audio_tokens: 600,
        image_tokens: 10,
        cached_tokens: cached,
      };
      expect(tokens({ input_token_details: details })).toMatchObject(wanted);
    },
  );
});

it("has no response with more cached tokens than tokens", () => {
  const details = { textTokens: 10, audioTokens: 20, imageTokens: 0 };
  const cached = { textTokens: 900, audioTokens: 900, imageTokens: 900 };
  const usage = { inputTokens: 30, outputTokens: 0, cachedTokens: 2_700, output: null };
  expect(usageToTokens({ ...usage, input: details, cached })).toMatchObject({
    cachedText: 10,
    cachedAudio: 20,
    cachedImage: 0,
  });
});

it.each(["speech_started", "speech_stopped"])("a %s is never before the session", (name) => {
  const at = { item_id: "item_1", audio_start_ms: -1e300, audio_end_ms: -1e300 };
  expect(Object.values(parse({ type: `input_audio_buffer.${name}`, ...at }))).toContain(0);
});

// --- what we send --------------------------------------------------------------------------------

describe("encodeClientEvent", () => {
  const events: ClientEvent[] = [
    {
      type: "session.update",
      event_id: "cfg-1",
      session: {
        type: "realtime",
        instructions: "Be brief. \u20ac",
        output_modalities: ["audio"],
        audio: {
          input: {
            format: { type: "audio/pcmu" },
            noise_reduction: { type: "near_field" },
            transcription: { model: "gpt-live-transcribe", language: "en" },
            turn_detection: { type: "server_vad", threshold: 0.5, idle_timeout_ms: null },
          },
          output: { format: { type: "audio/pcmu" }, voice: "marin", speed: 1 },
        },
        tools: [
          { type: "function", name: "lookup", description: "Find", parameters: { type: "object" } },
        ],
        tool_choice: "auto",
        max_output_tokens: "inf",
        truncation: { type: "retention_ratio", retention_ratio: 0.8 },
        tracing: null,
      },
    },
    { type: "input_audio_buffer.append", audio: "//8=" },
    { type: "input_audio_buffer.commit" },
    {
      type: "conversation.item.truncate",
      item_id: "item_1" as ItemId,
      content_index: 0,
      audio_end_ms: 1480,
    },
    {
      type: "conversation.item.create",
      previous_item_id: "root",
      item: { type: "function_call_output", call_id: "call_1" as ToolCallId, output: "{}" },
    },
    {
      type: "response.create",
      response: { conversation: "none", input: [], metadata: { a: "b" } },
    },
    { type: "response.cancel", response_id: "resp_1" as ResponseId },
  ];

  it.each(events)("writes $type as it is typed", (event) => {
    expect(JSON.parse(Buffer.from(encodeClientEvent(event)).toString("utf8"))).toEqual(event);
  });

  it("cannot write what the API refuses", () => {
    const update = (session: Extract<ClientEvent, { type: "session.update" }>["session"]) =>
      session;
    // @ts-expect-error a rate belongs to PCM alone
    update({ type: "realtime", audio: { input: { format: { type: "audio/pcmu", rate: 8000 } } } });
    // @ts-expect-error the preview API's name
    update({ type: "realtime", modalities: ["audio"] });
    // @ts-expect-error gone from the API
    update({ type: "realtime", temperature: 0.8 });
    // @ts-expect-error both together are refused
    update({ type: "realtime", output_modalities: ["audio", "text"] });
    // @ts-expect-error every update needs its type
    update({ instructions: "Be brief." });
    expect(update({ type: "realtime" })).toEqual({ type: "realtime" });
  });
});
