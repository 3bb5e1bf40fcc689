/**
 * `GET /api/agents`: what a supervisor needs to know about the agents. Names and descriptions only,
 * never numbers, instructions or keys.
 */
import type { AgentProfile, AgentsFile } from "../domain/agent-profile.js";
import type { OperatorRoute } from "./operator-router.js";
import { json } from "./reply.js";

export function agentsRoute(agents: Pick<AgentsFile, "agents">, version: string): OperatorRoute {
  return {
    method: "GET",
    path: "/api/agents",
    access: "guarded",
    handle: () => json(200, { version, agents: [...agents.agents.values()].map(shown) }),
  };
}

function shown({ name, model, language, tools, transfer }: AgentProfile) {
  return {
    name,
    model,
    language,
    tools: tools.map(({ name, description }) => ({ name, description })),
    defaultDestination: transfer.default,
    destinations: [...transfer.destinations.values()].map(({ name, description, kind }) => ({
      name,
      description,
      kind,
    })),
  };
}
