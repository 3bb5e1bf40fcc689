import { lenientText, readLenient } from "./lenient-arguments.js";
import type { CallRequest, Tool, ToolArguments } from "./tool.js";

export const END_CALL = "end_call";

const REASON_CHARS = 500;

export const endCallTool: Tool = {
  name: END_CALL,
  description:
    "Hang up. Use it when the caller has said goodbye or there is nothing left to do. " +
    "Say goodbye before you call it: the line stays open until the caller has heard it.",
  parameters: {
    type: "object",
    properties: {
      reason: {
        type: "string",
        maxLength: REASON_CHARS,
        description: "Why the call ends, in a few words",
      },
    },
    required: ["reason"],
    additionalProperties: false,
  },
  timeoutMs: 1_000,
  sayWhileWaiting: null,
  readArguments: (value, text) => readLenient(value, text, "reason"),
  run: async (args) => ({
    output: { ok: true, note: "The call ends. Say nothing more." },
    request: parseEndCall(args),
  }),
};

export function parseEndCall(args: ToolArguments): Extract<CallRequest, { kind: "end" }> {
  return { kind: "end", reason: lenientText(args["reason"], REASON_CHARS) ?? "end_call" };
}
