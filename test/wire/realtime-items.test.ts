import { describe, expect, it } from "vitest";
import { WireError } from "../../src/domain/errors.js";
import { Fields } from "../../src/wire/fields.js";
import { MAX_NAME_CHARS, readItem, readOutput, readPart } from "../../src/wire/realtime-items.js";

const fields = (value: object) =>
  Fields.parse(new TextEncoder().encode(JSON.stringify(value)), 1_000_000, "model");
const item = (value: object) => readItem(fields(value));

const CALL = { type: "function_call", call_id: "c1", name: "look_up", arguments: "{}" };
const MCP = { type: "mcp_call", id: "m1", server_label: "shop", name: "find", arguments: "{}" };

describe("readItem", () => {
  it("reads a message with its content, whatever the kinds of its parts", () => {
    const content = [
      { type: "output_audio", transcript: "Hello." },
      { type: "a_new_kind", text: "x", more: true },
    ];
    expect(
      item({ type: "message", id: "i1", role: "assistant", status: "completed", content }),
    ).toEqual({
      type: "message",
      id: "i1",
      role: "assistant",
      status: "completed",
      phase: null,
      content: [
        { kind: "output_audio", text: null, transcript: "Hello." },
        { kind: "a_new_kind", text: "x", transcript: null },
      ],
    });
  });

  it.each([
    ["status", "paused"],
    ["phase", "afterthought"],
  ])("takes a %s that it does not know for none", (key, value) => {
    const read = item({ type: "message", id: "i1", role: "user", [key]: value });
    expect(read).toMatchObject({ status: null, phase: null, content: [] });
  });

  it("takes a message of a role that it does not know for an unknown item", () => {
    expect(item({ type: "message", id: "i1", role: "narrator" })).toEqual({
      type: "unknown",
      id: "i1",
      name: "message",
    });
  });

  it("answers for every function call that has a call id", () => {
    expect(item({ type: "function_call", call_id: "c1" })).toEqual({
      type: "function_call",
      id: null,
      callId: "c1",
      name: "",
      arguments: "",
      status: null,
    });
    expect(item({ ...CALL, name: "n".repeat(300) })).toMatchObject({
      name: "n".repeat(MAX_NAME_CHARS),
    });
    expect(item({ ...CALL, call_id: "c".repeat(16 * 1024) })).toMatchObject({ name: "look_up" });
  });

  it.each([
    ["a function call without an id", { ...CALL, call_id: "" }],
    ["a function call with an endless id", { ...CALL, call_id: "c".repeat(16 * 1024 + 1) }],
    ["an output without the call's id", { type: "function_call_output", id: "i1" }],
    ["a message without an id", { type: "message", role: "user" }],
    ["an MCP call without an id", { ...MCP, id: undefined }],
  ])("refuses %s", (_, value) => {
    expect(() => item(value)).toThrow(WireError);
  });

  it.each<[string, object, string | null, string | null]>([
    ["runs", {}, null, null],
    ["succeeded", { output: "[]" }, "[]", null],
    ["failed with a message", { error: { type: "http", message: "HTTP 500" } }, null, "HTTP 500"],
    ["failed with a type only", { error: { type: "http" } }, null, "http"],
    ["failed without a word", { error: {} }, null, "failed"],
  ])("tells of an MCP call that it %s", (_, more, output, error) => {
    expect(item({ ...MCP, ...more })).toMatchObject({ id: "m1", output, error });
  });

  it("reads the other items of MCP", () => {
    expect(item({ type: "mcp_list_tools", server_label: "shop" })).toEqual({
      type: "mcp_list_tools",
      id: null,
      serverLabel: "shop",
    });
    expect(item({ type: "mcp_approval_request", id: "r1" })).toEqual({
      type: "mcp_approval_request",
      id: "r1",
      serverLabel: "unknown",
      name: "unknown",
      arguments: "",
    });
  });

  it("keeps the name of an item that it does not know", () => {
    expect(item({ type: "hologram", id: "i9" })).toEqual({
      type: "unknown",
      id: "i9",
      name: "hologram",
    });
  });
});

describe("readOutput", () => {
  it("keeps the other items of a response when one cannot be read", () => {
    const output = [CALL, { type: "message" }, "noise", { type: "hologram" }];
    expect(readOutput(fields({ output })).map(({ type }) => type)).toEqual([
      "function_call",
      "unknown",
      "unknown",
    ]);
    expect(readOutput(fields({}))).toEqual([]);
  });
});

describe("readPart", () => {
  it("wants to know the kind of a part", () => {
    expect(() => readPart(fields({ text: "x" }))).toThrow(WireError);
  });
});
