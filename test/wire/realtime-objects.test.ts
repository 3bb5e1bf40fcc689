import { describe, expect, it } from "vitest";
import { WireError } from "../../src/domain/errors.js";
import { Fields } from "../../src/wire/fields.js";
import {
  readFault,
  readRateLimits,
  readResponse,
  readSession,
  readTranscriptionUsage,
} from "../../src/wire/realtime-objects.js";

const fields = (value: object) =>
  Fields.parse(new TextEncoder().encode(JSON.stringify(value)), 1_000_000, "model");
const response = (value: object) => readResponse(fields({ id: "resp_1", ...value }));

describe("readSession", () => {
  it("reads the formats of both directions, and null where the API leaves one out", () => {
    const audio = { input: { format: { type: "audio/pcmu" } }, output: {} };
    expect(readSession(fields({ id: "s1", model: "m", expires_at: 1_800, audio }))).toEqual({
      id: "s1",
      model: "m",
      expiresAtS: 1_800,
      inputFormat: "audio/pcmu",
      outputFormat: null,
    });
    expect(readSession(fields({}))).toMatchObject({ id: null, inputFormat: null });
  });
});

describe("readResponse", () => {
  it("cannot do without the id", () => {
    expect(() => readResponse(fields({ status: "completed" }))).toThrow(WireError);
  });

  it.each(["in_progress", "completed", "cancelled", "failed", "incomplete"])(
    "knows the status %s",
    (status) => expect(response({ status }).status).toBe(status),
  );

  it.each([
    ["a new status", { status: "adjourned" }],
    ["no status", {}],
    ["a status of another type", { status: 7 }],
  ])("takes %s for unknown", (_, value) => {
    expect(response(value).status).toBe("unknown");
  });

  it.each([
    ["details", { status_details: "none" }, { statusDetails: null }],
    [
      "an error",
      { status_details: { reason: "max_output_tokens", error: [] } },
      { statusDetails: { reason: "max_output_tokens", errorCode: null } },
    ],
    ["metadata", { metadata: { a: 1 } }, { metadata: {} }],
    ["usage", { usage: { input_tokens: "many" } }, { usage: null }],
    ["usage without end", { usage: { output_tokens: 9e15 } }, { usage: null }],
    [
      "audio without end",
      { usage: { output_token_details: { audio_tokens: 1e9 } } },
      { usage: null },
    ],
    ["a conversation", { conversation_id: 4 }, { conversationId: null }],
  ])("is over all the same when it has %s that cannot be read", (_, value, read) => {
    expect(response({ status: "completed", ...value })).toMatchObject({
      id: "resp_1",
      status: "completed",
      ...read,
    });
  });

  it("reads why it failed", () => {
    const error = { type: "server_error", code: "overloaded", message: "Busy." };
    expect(response({ status_details: { reason: "error", error } }).statusDetails).toEqual({
      reason: "error",
      errorType: "server_error",
      errorCode: "overloaded",
      errorMessage: "Busy.",
    });
  });

  it("reads what it has used, cached tokens as a part of the input", () => {
    const usage = {
      input_tokens: 100,
      output_tokens: 40,
      input_token_details: {
        text_tokens: 30,
        audio_tokens: 70,
        cached_tokens: 20,
        cached_tokens_details: { text_tokens: 20 },
      },
      output_token_details: { audio_tokens: 40 },
    };
    expect(response({ usage }).usage).toEqual({
      inputTokens: 100,
      outputTokens: 40,
      input: { textTokens: 30, audioTokens: 70, imageTokens: null },
      cachedTokens: 20,
      cached: { textTokens: 20, audioTokens: null, imageTokens: null },
      output: { textTokens: null, audioTokens: 40, imageTokens: null },
    });
  });
});

describe("readTranscriptionUsage", () => {
  it.each([
    [
      { type: "duration", seconds: 1.5 },
      { type: "duration", seconds: 1.5 },
    ],
    [
      { type: "tokens", input_tokens: 9, output_tokens: 3, total_tokens: 12 },
      { type: "tokens", inputTokens: 9, outputTokens: 3, totalTokens: 12 },
    ],
    [{ type: "tokens" }, { type: "tokens", inputTokens: 0, outputTokens: 0, totalTokens: 0 }],
    [{ type: "words", words: 3 }, null],
    [{ type: "duration" }, null],
    [{ type: "duration", seconds: -60 }, null],
    [{ type: "duration", seconds: 1e300 }, null],
    [{ type: "tokens", total_tokens: 9e15 }, null],
    [{}, null],
    [null, null],
  ])("reads %j as %j", (usage, read) => {
    expect(readTranscriptionUsage(fields({ usage }))).toEqual(read);
  });
});

describe("readFault", () => {
  it("reads what is there, and null for anything of another type", () => {
    expect(readFault(fields({ type: "invalid_request_error", code: 7, param: null }))).toEqual({
      type: "invalid_request_error",
      code: null,
      message: null,
      param: null,
      eventId: null,
    });
  });
});

describe("readRateLimits", () => {
  it("leaves out a limit without a name, and the numbers that are none", () => {
    const rate_limits = [
      { name: "tokens", limit: 1_000, remaining: 0, reset_seconds: 0.5 },
      { name: "requests", limit: "many" },
      { limit: 5 },
    ];
    expect(readRateLimits(fields({ rate_limits }))).toEqual([
      { name: "tokens", limit: 1_000, remaining: 0, resetSeconds: 0.5 },
      { name: "requests", limit: null, remaining: null, resetSeconds: null },
    ]);
  });
});
