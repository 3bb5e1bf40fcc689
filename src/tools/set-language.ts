import type { AgentProfile } from "../domain/agent-profile.js";
import type { CallRequest, Tool, ToolArguments } from "./tool.js";

export const SET_LANGUAGE = "set_language";

/** Null when the agent speaks one language only. */
export function setLanguageTool(agent: AgentProfile): Tool | null {
  const languages = new Set([agent.language, ...agent.languages.keys()]);
  if (languages.size < 2) return null;
  return {
    name: SET_LANGUAGE,
    description:
      "Go on in another language. " +
      "Call it as soon as the caller speaks or asks for one of the listed languages.",
    parameters: {
      type: "object",
      properties: {
        language: {
          type: "string",
          enum: [...languages],
          description: "Language tag, such as en or es",
        },
      },
      required: ["language"],
      additionalProperties: false,
    },
    timeoutMs: 1_000,
    sayWhileWaiting: null,
    run: async (args) => {
      const request = parseSetLanguage(args);
      return { output: { ok: true, note: `Speak ${request.language} from now on.` }, request };
    },
  };
}

export function parseSetLanguage(args: ToolArguments): Extract<CallRequest, { kind: "language" }> {
  const language = args["language"];
  return { kind: "language", language: typeof language === "string" ? language : "" };
}
