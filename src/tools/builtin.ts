import type { AgentProfile } from "../domain/agent-profile.js";
import { END_CALL, endCallTool } from "./end-call.js";
import { SEND_DTMF, sendDtmfTool } from "./send-dtmf.js";
import { SET_LANGUAGE, setLanguageTool } from "./set-language.js";
import { type FunctionSpec, functionSpec, type Tool } from "./tool.js";
import { TRANSFER_CALL, transferCallTool } from "./transfer-call.js";

/**
 * Tools that ask something of the call. The two samples are ordinary tools in `sample-tools.ts`.
 */
export const CALL_TOOLS = [TRANSFER_CALL, END_CALL, SET_LANGUAGE, SEND_DTMF] as const;
export type CallToolName = (typeof CALL_TOOLS)[number];

export function isCallTool(name: string): name is CallToolName {
  return (CALL_TOOLS as readonly string[]).includes(name);
}

/** Those of the four that the agent lists and that make sense for it, in the order of its list. */
export function callTools(agent: AgentProfile): readonly Tool[] {
  return agent.tools.flatMap(({ name, source }) => {
    const tool = source.kind === "builtin" && isCallTool(name) ? callTool(name, agent) : null;
    return tool === null ? [] : [tool];
  });
}

export function builtinToolSpecs(agent: AgentProfile): readonly FunctionSpec[] {
  return callTools(agent).map(functionSpec);
}

function callTool(name: CallToolName, agent: AgentProfile): Tool | null {
  switch (name) {
    case "transfer_call":
      return transferCallTool(agent);
    case "end_call":
      return endCallTool;
    case "set_language":
      return setLanguageTool(agent);
    case "send_dtmf":
      return sendDtmfTool;
  }
}
