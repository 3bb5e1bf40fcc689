import type { AgentProfile } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import { matchDestination } from "./destination-match.js";
import { lenientText, lenientUrgency, readLenient } from "./lenient-arguments.js";
import type { CallRequest, Tool, ToolArguments } from "./tool.js";

export const TRANSFER_CALL = "transfer_call";

const REASON_CHARS = 500;
const SUMMARY_CHARS = 4_000;

type TransferAsked = Extract<CallRequest, { kind: "transfer" }>;

/**
 * The model sees names and descriptions of the agent's directory, never a number. Null: nowhere to
 * go.
 */
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
      "Hand the caller over to a human. Say a short goodbye before you call it: " +
      "the transfer begins once the caller has heard it. " +
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
          maxLength: REASON_CHARS,
          description: "Why the caller needs a human, in a few words",
        },
        summary: {
          type: "string",
          maxLength: SUMMARY_CHARS,
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
    readArguments: (value, text) => readLenient(value, text, "destination"),
    run: async (args) => ({
      output: { ok: true, note: "The caller is being connected. Say nothing more." },
      request: parseTransferCall(args, agent),
    }),
  };
}

/**
 * Judges the destination alone.
 *
 * @throws RelayError `tool_arguments_invalid` with the names of the directory: the destination is
 *         not one of it.
 */
export function parseTransferCall(args: ToolArguments, agent: AgentProfile): TransferAsked {
  const { destinations } = agent.transfer;
  const asked = lenientText(args["destination"], REASON_CHARS) ?? "";
  const destination = matchDestination(asked, [...destinations.values()]);
  if (destination === null) {
    const what = asked === "" ? "Name a destination" : "There is no such destination";
    const names = [...destinations.keys()].join(", ");
    throw new RelayError("tool_arguments_invalid", `${what}. It must be one of: ${names}.`);
  }
  return {
    kind: "transfer",
    destination: destination.name,
    reason: lenientText(args["reason"], REASON_CHARS),
    summary: lenientText(args["summary"], SUMMARY_CHARS),
    urgency: lenientUrgency(args["urgency"]),
  };
}
