import { describe, expect, it } from "vitest";
import { readToolMessage } from "../../../src/adapters/tools/tool-messages.js";

const TOOL = {
  key: "default",
  description: "Refund",
  parameters: { type: "object" },
  timeoutMs: 500,
  sayWhileWaiting: "One moment.",
};

describe("a tool process's message", () => {
  it.each<[object]>([
    [{ type: "ready", tools: [TOOL] }],
    [{ type: "ready", tools: [] }],
    [{ type: "load_failed", reason: "x" }],
    [{ type: "result", id: 1, output: "" }],
    [{ type: "error", id: 1, stack: "x" }],
    [{ type: "started", id: 1 }],
    [{ type: "aborted", id: 1 }],
    [{ type: "pong", id: -3 }],
  ])("%j is read", (message) => {
    expect(readToolMessage(message)).toEqual(message);
  });

  it("has its settings only where they are what they should be", () => {
    expect(
      readToolMessage({ type: "ready", tools: [{ ...TOOL, timeoutMs: "x", sayWhileWaiting: 7 }] }),
    ).toEqual({ type: "ready", tools: [{ ...TOOL, timeoutMs: null, sayWhileWaiting: null }] });
  });

  it.each<[unknown]>([
    [null],
    [undefined],
    ["ready"],
    [[]],
    [{}],
    [{ type: "ready" }],
    [{ type: "ready", tools: [{ ...TOOL, key: 1 }] }],
    [{ type: "ready", tools: [{ ...TOOL, parameters: [] }] }],
    [{ type: "result", id: 1 }],
    [{ type: "result", id: 1, output: {} }],
    [{ type: "result", output: "x" }],
    [{ type: "pong", id: "1" }],
    [{ type: "elsewhere", id: 1 }],
  ])("%j is none of ours", (message) => {
    expect(readToolMessage(message)).toBeNull();
  });
});
