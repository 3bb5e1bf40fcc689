import type { CallRequest, Tool, ToolArguments } from "./tool.js";

export const SEND_DTMF = "send_dtmf";

/** 0–9, * and #, A–D (ITU-T Q.23); w is half a second of silence, as Twilio writes it. */
const DIGITS = "^[0-9A-Da-d*#wW]{1,32}$";

export const sendDtmfTool: Tool = {
  name: SEND_DTMF,
  description:
    "Press keys for the other side to hear, for instance in a phone menu. " +
    "Letter w waits half a second between keys.",
  parameters: {
    type: "object",
    properties: {
      digits: { type: "string", pattern: DIGITS, description: "Keys: 0-9, *, #, A-D, w" },
    },
    required: ["digits"],
    additionalProperties: false,
  },
  timeoutMs: 1_000,
  sayWhileWaiting: null,
  run: async (args) => {
    const request = parseSendDtmf(args);
    return { output: { ok: true, sent: request.digits }, request };
  },
};

/** Upper case, except for `w`. */
export function parseSendDtmf(args: ToolArguments): Extract<CallRequest, { kind: "dtmf" }> {
  const digits = args["digits"];
  return {
    kind: "dtmf",
    digits: typeof digits === "string" ? digits.toUpperCase().replaceAll("W", "w") : "",
  };
}
