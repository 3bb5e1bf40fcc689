import type { AgentProfile, Urgency } from "../domain/agent-profile.js";
import type { CallRequest, Tool, ToolArguments } from "./tool.js";

export const TRANSFER_CALL = "transfer_call";

type TransferAsked = Extract<CallRequest, { kind: "transfer" }>;

/** The model sees names and descriptions of the agent's directory, never a number. Null: nowhere to go. */
export function transferCallTool(agent: AgentProfile): Tool | null {
  const destinations = [...agent.transfer.destinations.values()];
  if (destinations.length === 0) return null;
  const directory = destinations
    .map(({ name, description }) => `${name}: ${description || name}`)
    .join("; ");
  const fallback = agent.transfer.default;
  return {
    name: TRANSFER_CALL,
    description:
      "Hand the caller over to a human. Say a short goodbye before you call it: the transfer begins once the caller has heard it. " +
      (fallback === null
        ? ""
        : `When unsure, or when the caller just wants a human, use ${fallback}.`),
    parameters: {
      type: "object",
      properties: {
        destination: {
          type: "string",
          enum: destinations.map(({ name }) => name),
          description: `Who is to take the call. ${directory}`,
        },
        reason: {
          type: "string",
          maxLength: 500,
          description: "Why the caller needs a human, in a few words",
        },
        summary: {
          type: "string",
          maxLength: 4000,
          description:
            "What the human should know before they speak to the caller, in two or three sentences",
        },
        urgency: { type: "string", enum: ["low", "medium", "high"] },
      },
      required: ["destination"],
      additionalProperties: false,
    },
    timeoutMs: 1_000,
    sayWhileWaiting: null,
    run: async (args) => ({
      output: { ok: true, note: "The caller is being connected. Say nothing more." },
      request: parseTransferCall(args),
    }),
  };
}

/** `args` have passed the schema above: whatever is not text is taken for absent. */
export function parseTransferCall(args: ToolArguments): TransferAsked {
  return {
    kind: "transfer",
    destination: text(args["destination"]) ?? "",
    reason: text(args["reason"]),
    summary: text(args["summary"]),
    urgency: urgency(args["urgency"]),
  };
}

function text(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value : null;
}

function urgency(value: unknown): Urgency | null {
  return value === "low" || value === "medium" || value === "high" ? value : null;
}
