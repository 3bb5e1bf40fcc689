/**
 * Reads an agents file or an operators file, or compiles JSON Schemas, in the process that
 * `read-apart.ts` starts for it.
 */
import { setTimeout } from "node:timers/promises";
import { checkCode } from "../../adapters/tools/json-schema.js";
import { errorCodeOf, RelayError } from "../../domain/errors.js";
import { callTools } from "../../tools/builtin.js";
import { MemoryOrderBook } from "../../tools/memory-orders.js";
import { sampleTools } from "../../tools/sample-tools.js";
import type { JsonSchema } from "../../tools/schema-types.js";
import { configuredOperators } from "../operators-file.js";
import {
  AgentsFileError,
  type ParsedAgentsFile,
  parseConfiguredAgentsFile,
} from "./agents-file.js";
import { PART_PAUSE_MS, partsOf, placesOf } from "./agents-parts.js";
import type { AgentsJob, FromAgentsJob } from "./read-apart.js";

type Send = (message: FromAgentsJob) => void;

/** Schemas that the file itself gives, or that come with a tool that is built in. */
function schemasOf({ agents, tools }: ParsedAgentsFile): readonly JsonSchema[] {
  const profiles = [...agents.agents.values()];
  const all = [
    ...tools.values(),
    ...profiles.flatMap((agent) => [...agent.tools, ...callTools(agent)]),
    ...sampleTools(new MemoryOrderBook()),
  ];
  return all.map(({ parameters }) => parameters);
}

interface Compiled {
  /** The source of the check of each schema, by the schema as JSON. */
  readonly checks: ReadonlyMap<string, string>;
  /** What is wrong with those that are none. */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * Each schema once: tools that are alike have the same, and most of a read would be to compile it.
 */
function compiled(schemas: readonly JsonSchema[]): Compiled {
  const checks = new Map<string, string>();
  const refused = new Map<string, string>();
  const unique = new Map(schemas.map((schema) => [JSON.stringify(schema), schema]));
  for (const [key, schema] of unique) {
    try {
      checks.set(key, checkCode(schema));
    } catch (error) {
      refused.set(key, error instanceof Error ? error.message : String(error));
    }
  }
  return { checks, refused };
}

/** A tool of the file whose parameters are no JSON Schema. @throws AgentsFileError. */
function refuseBadSchemas(
  path: string,
  { tools, fault }: ParsedAgentsFile,
  { refused }: Compiled,
): void {
  const faults = [...tools.values()].flatMap(({ name, parameters }) => {
    const problem = refused.get(JSON.stringify(parameters));
    return problem === undefined ? [] : [fault(["tools", name, "parameters"], `is ${problem}`)];
  });
  if (faults.length > 0) throw new AgentsFileError(path, faults);
}

async function read(job: Extract<AgentsJob, { readonly job: "read" }>, send: Send): Promise<void> {
  const parsed = parseConfiguredAgentsFile(job.config, job.env);
  const schemas = compiled(schemasOf(parsed));
  refuseBadSchemas(job.config.agentsFile, parsed, schemas);
  for (const part of partsOf({ file: parsed.agents, checks: schemas.checks })) {
    send({ type: "part", part });
    await setTimeout(PART_PAUSE_MS);
  }
  send({ type: "read", places: placesOf(parsed) });
}

function compile({ schemas }: Extract<AgentsJob, { readonly job: "compile" }>, send: Send): void {
  send({ type: "compiled", ...compiled(schemas) });
}

function readOperators(
  { operatorsFile, hasAdminToken }: Extract<AgentsJob, { readonly job: "operators" }>,
  send: Send,
): void {
  const adminToken = hasAdminToken ? "" : null;
  send({ type: "operators", operators: configuredOperators({ operatorsFile, adminToken }) });
}

/** Never rejects: what keeps it from its result is a message, too. */
export async function runAgentsJob(job: AgentsJob, send: Send): Promise<void> {
  try {
    if (job.job === "read") await read(job, send);
    else if (job.job === "operators") readOperators(job, send);
    else compile(job, send);
  } catch (error) {
    if (error instanceof AgentsFileError)
      send({ type: "faults", file: error.file, faults: error.faults });
    else
      send({
        type: "failed",
        code: errorCodeOf(error),
        problem: problemOf(error),
      });
  }
}

/** Our own errors explain themselves. */
function problemOf(error: unknown): string {
  if (error instanceof RelayError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
