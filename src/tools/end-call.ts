import type { CallRequest, Tool, ToolArguments } from "./tool.js";

export const END_CALL = "end_call";

export const endCallTool: Tool = {
  name: END_CALL,
  description:
    "Hang up. Use it when the caller has said goodbye or there is nothing left to do. Say goodbye before you call it: the line stays open until the caller has heard it.",
  parameters: {
    type: "object",
    properties: {
      reason: { type: "string", maxLength: 500, description: "Why the call ends, in a few words" },
    },
    required: ["reason"],
    additionalProperties: false,
  },
  timeoutMs: 1_000,
  sayWhileWaiting: null,
  run: async (args) => ({
    output: { ok: true, note: "The call ends. Say nothing more." },
    request: parseEndCall(args),
  }),
};

export function parseEndCall(args: ToolArguments): Extract<CallRequest, { kind: "end" }> {
  const reason = args["reason"];
  return {
    kind: "end",
    reason: typeof reason === "string" && reason.trim() !== "" ? reason : "end_call",
  };
}
