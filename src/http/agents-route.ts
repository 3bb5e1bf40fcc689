import { inSlices } from "../adapters/system/slices.js";
import { AgentsFileError } from "../config/agents/agents-file.js";
import type { AgentProfile, AgentsFile } from "../domain/agent-profile.js";
import { BOOLEAN, listOf, NUMBER, nullable, object, STRING } from "./openapi/route-doc.js";
import type { OperatorRoute } from "./operator-router.js";
import { JSON_TYPE, json } from "./reply.js";

const AGENT = object({
  name: STRING,
  model: STRING,
  language: STRING,
  tools: listOf(object({ name: STRING, description: STRING })),
  defaultDestination: nullable(STRING),
  destinations: listOf(object({ name: STRING, description: STRING, kind: STRING })),
});

const FAULTS = object({
  error: STRING,
  faults: listOf(object({ path: STRING, line: nullable(NUMBER), problem: STRING })),
});

/**
 * `GET /api/agents`: what an operator needs to know about the agents. Names and descriptions only,
 * never numbers, instructions or keys. The answer is made once for each agents file, because making
 * that of a large file would delay the sound of calls.
 */
export function agentsRoute(file: Pick<AgentsFile, "agents">, version: string): OperatorRoute {
  let made: { readonly of: AgentsFile["agents"]; readonly body: Promise<Uint8Array> } | null = null;
  return {
    method: "GET",
    path: "/api/agents",
    access: "viewer",
    doc: {
      summary: "Names and descriptions of the agents",
      answers: {
        200: {
          description: "The agents in the order of the agents file",
          schema: object({ version: STRING, agents: listOf(AGENT) }),
        },
      },
    },
    handle: async () => {
      const { agents } = file;
      if (made?.of !== agents) made = { of: agents, body: bodyOf(agents, version) };
      return { status: 200, type: JSON_TYPE, body: await made.body };
    },
  };
}

async function bodyOf(agents: AgentsFile["agents"], version: string): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const agent of inSlices(agents.values()))
    parts.push(Buffer.from(`${parts.length === 0 ? "" : ","}${JSON.stringify(shown(agent))}`));
  const head = Buffer.from(`{"version":${JSON.stringify(version)},"agents":[`);
  return Buffer.concat([head, ...parts, Buffer.from("]}")]);
}

/**
 * `POST /api/agents/reload`: every process reads the agents file again. A faulty file changes
 * nothing and is answered 422 with its faults.
 *
 * @param request  rejects with an AgentsFileError when the file has faults.
 */
export function reloadRoute(request: () => Promise<void>): OperatorRoute {
  return {
    method: "POST",
    path: "/api/agents/reload",
    access: "admin",
    audit: "reload_agents",
    doc: {
      summary: "Reads the agents file again; running calls keep the version they began with",
      answers: {
        202: {
          description: "The file has no faults, and is on its way to the workers",
          schema: object({ reloading: BOOLEAN }),
        },
        422: { description: "The file has faults; nothing changes", schema: FAULTS },
      },
    },
    handle: async () => {
      try {
        await request();
      } catch (error) {
        if (!(error instanceof AgentsFileError)) throw error;
        const faults = error.faults.map(({ path, line, problem }) => ({ path, line, problem }));
        return json(422, { error: "agents_file", faults });
      }
      return json(202, { reloading: true });
    },
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
