import type { AgentProfile } from "../domain/agent-profile.js";
import { END_CALL, endCallTool } from "./end-call.js";
import { SEND_DTMF, sendDtmfTool } from "./send-dtmf.js";
import { SET_LANGUAGE, setLanguageTool } from "./set-language.js";
import type { Tool } from "./tool.js";
import { TRANSFER_CALL, transferCallTool } from "./transfer-call.js";

/**
 * The register of tools that ask something of the call: a new one is a file beside this one and a
 * line here. Null: the tool makes no sense for the agent. The two samples are ordinary tools in
 * `sample-tools.ts`.
 */
const BUILTIN: ReadonlyMap<string, (agent: AgentProfile) => Tool | null> = new Map([
  [TRANSFER_CALL, transferCallTool],
  [END_CALL, () => endCallTool],
  [SET_LANGUAGE, setLanguageTool],
  [SEND_DTMF, () => sendDtmfTool],
]);

export const CALL_TOOLS: readonly string[] = [...BUILTIN.keys()];

export function isCallTool(name: string): boolean {
  return BUILTIN.has(name);
}

/** Those that the agent lists and that make sense for it, in the order of its list. */
export function callTools(agent: AgentProfile): readonly Tool[] {
  return agent.tools.flatMap(({ name, source }) => {
    const tool = source.kind === "builtin" ? BUILTIN.get(name)?.(agent) : null;
    return tool == null ? [] : [tool];
  });
}
