/**
 * Reads an agents file or compiles JSON Schemas, in the process that `read-apart.ts` starts for it.
 */
import { setTimeout } from "node:timers/promises";
import { checkCode } from "../../adapters/tools/json-schema.js";
import type { AgentsFile } from "../../domain/agent-profile.js";
import { errorCodeOf } from "../../domain/errors.js";
import { callTools } from "../../tools/builtin.js";
import { MemoryOrderBook } from "../../tools/memory-orders.js";
import { sampleTools } from "../../tools/sample-tools.js";
import type { JsonSchema } from "../../tools/schema-types.js";
import {
  AgentsFileError,
  type ParsedAgentsFile,
  parseConfiguredAgentsFile,
} from "./agents-file.js";
import { PART_PAUSE_MS, partsOf, placesOf } from "./agents-parts.js";
import type { AgentsJob, FromAgentsJob } from "./read-apart.js";

type Send = (message: FromAgentsJob) => void;

/** Sources of the checks of all schemas that the file itself gives. */
function checksOf({ agents }: AgentsFile): ReadonlyMap<string, string> {
  const tools = [...agents.values()].flatMap((agent) => [...agent.tools, ...callTools(agent)]);
  const given = [...tools, ...sampleTools(new MemoryOrderBook())].map(
    ({ parameters }) => parameters,
  );
  return compiled(given, () => undefined);
}

/** @param refused  is told of each that is no JSON Schema. */
function compiled(
  schemas: readonly JsonSchema[],
  refused: (schema: string, problem: string) => void,
): ReadonlyMap<string, string> {
  const checks = new Map<string, string>();
  const unique = new Map(schemas.map((schema) => [JSON.stringify(schema), schema]));
  for (const [key, schema] of unique) {
    try {
      checks.set(key, checkCode(schema));
    } catch (error) {
      refused(key, error instanceof Error ? error.message : String(error));
    }
  }
  return checks;
}

/** A tool of the file whose parameters are no JSON Schema. @throws AgentsFileError. */
function refuseBadSchemas(path: string, { tools, fault }: ParsedAgentsFile): void {
  const faults = [...tools.values()].flatMap(({ name, parameters }) => {
    try {
      checkCode(parameters);
      return [];
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return [fault(["tools", name, "parameters"], `is ${problem}`)];
    }
  });
  if (faults.length > 0) throw new AgentsFileError(path, faults);
}

async function read(job: Extract<AgentsJob, { readonly job: "read" }>, send: Send): Promise<void> {
  const parsed = parseConfiguredAgentsFile(job.config, job.env);
  refuseBadSchemas(job.config.agentsFile, parsed);
  const { agents: file } = parsed;
  for (const part of partsOf({ file, checks: checksOf(file) })) {
    send({ type: "part", part });
    await setTimeout(PART_PAUSE_MS);
  }
  send({ type: "read", places: placesOf(parsed) });
}

function compile({ schemas }: Extract<AgentsJob, { readonly job: "compile" }>, send: Send): void {
  const refused = new Map<string, string>();
  const checks = compiled(schemas, (schema, problem) => refused.set(schema, problem));
  send({ type: "compiled", checks, refused });
}

/** Never rejects: what keeps it from its result is a message, too. */
export async function runAgentsJob(job: AgentsJob, send: Send): Promise<void> {
  try {
    if (job.job === "read") await read(job, send);
    else compile(job, send);
  } catch (error) {
    if (error instanceof AgentsFileError)
      send({ type: "faults", file: error.file, faults: error.faults });
    else
      send({
        type: "failed",
        code: errorCodeOf(error),
        problem: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
  }
}
