/**
 * Reads an agents file in a thread of its own. To parse, check and compile a large one takes a
 * second, and the thread that carries sound must not stand still for more than a few milliseconds.
 */
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { tsxPath } from "../../adapters/tools/child-processes.js";
import { type ErrorCode, RelayError } from "../../domain/errors.js";
import type { JsonSchema } from "../../tools/schema-types.js";
import type { Environment } from "../load.js";
import { type AgentsConfig, type AgentsFault, AgentsFileError } from "./agents-file.js";
import {
  AgentsAssembly,
  type AgentsPart,
  type PreparedAgents,
  type ToolPlace,
} from "./agents-parts.js";

export interface ReadAgents extends PreparedAgents {
  /** Every tool of the file, listed by an agent or not. */
  readonly places: ReadonlyMap<string, ToolPlace>;
}

export type ThreadJob =
  | { readonly job: "read"; readonly config: AgentsConfig; readonly env: Environment }
  | { readonly job: "compile"; readonly schemas: readonly JsonSchema[] };

export type FromAgentsThread =
  | { readonly type: "part"; readonly part: AgentsPart }
  | { readonly type: "read"; readonly places: ReadonlyMap<string, ToolPlace> }
  | {
      readonly type: "compiled";
      readonly checks: ReadonlyMap<string, string>;
      readonly refused: ReadonlyMap<string, string>;
    }
  | { readonly type: "faults"; readonly file: string; readonly faults: readonly AgentsFault[] }
  | { readonly type: "failed"; readonly code: ErrorCode; readonly problem: string };

/** The largest file takes a few seconds on a busy machine. */
const MOST_MS = 60_000;
/** A file of a megabyte takes some hundred. */
const HEAP_MB = 512;
/** While the sources are run. */
const IS_TYPESCRIPT = import.meta.url.endsWith(".ts");

/**
 * Reads AGENTS_FILE.
 *
 * @throws AgentsFileError with every fault.
 */
export async function readAgentsApart(config: AgentsConfig, env: Environment): Promise<ReadAgents> {
  const assembly = new AgentsAssembly();
  let prepared: PreparedAgents | null = null;
  const places = await readParts(config, env, (part) => {
    prepared = assembly.add(part) ?? prepared;
  });
  if (prepared === null) throw new RelayError("internal", "the agents file came without its end");
  return { ...(prepared as PreparedAgents), places };
}

/** As readAgentsApart, in parts: to be passed on. */
export async function readAgentsParts(
  config: AgentsConfig,
  env: Environment,
): Promise<readonly AgentsPart[]> {
  const parts: AgentsPart[] = [];
  await readParts(config, env, (part) => parts.push(part));
  return parts;
}

/**
 * Compiles JSON Schemas: the source of the check of each, by the schema as JSON.
 *
 * @throws RelayError `config_invalid`: one of them is none.
 */
export async function compileApart(
  schemas: readonly JsonSchema[],
): Promise<ReadonlyMap<string, string>> {
  return await inThread({ job: "compile", schemas }, (message) => {
    if (message.type !== "compiled") return undefined;
    const [problem] = message.refused.values();
    if (problem !== undefined) throw new RelayError("config_invalid", problem);
    return message.checks;
  });
}

function readParts(
  { agentsFile, openaiRealtimeModel, humanAgentNumber, maxCallMinutes }: AgentsConfig,
  env: Environment,
  onPart: (part: AgentsPart) => void,
): Promise<ReadonlyMap<string, ToolPlace>> {
  const config = { agentsFile, openaiRealtimeModel, humanAgentNumber, maxCallMinutes };
  // `process.env` itself cannot be sent.
  return inThread({ job: "read", config, env: { ...env } }, (message) => {
    if (message.type === "part") onPart(message.part);
    return message.type === "read" ? message.places : undefined;
  });
}

/** @param result  undefined: not yet. */
function inThread<T>(
  job: ThreadJob,
  result: (message: FromAgentsThread) => T | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const thread = startThread(job);
    const late = setTimeout(() => {
      reject(new RelayError("internal", "the agents file was not read in time"));
      void thread.terminate();
    }, MOST_MS);
    thread.on("message", (message: FromAgentsThread) => {
      try {
        if (message.type === "faults") throw new AgentsFileError(message.file, message.faults);
        if (message.type === "failed") throw new RelayError(message.code, message.problem);
        const found = result(message);
        if (found !== undefined) resolve(found);
      } catch (error) {
        reject(error);
      }
    });
    thread.on("error", reject);
    thread.on("exit", () => {
      clearTimeout(late);
      reject(new RelayError("internal", "the thread that reads agents files has ended"));
    });
  });
}

function startThread(job: ThreadJob): Worker {
  const options = { workerData: job, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } };
  if (!IS_TYPESCRIPT) return new Worker(new URL("./agents-thread.js", import.meta.url), options);
  // A thread of Node 20 does not inherit the loader of its parent.
  const loader = pathToFileURL(tsxPath("esm/api").replace(/\.cjs$/, ".mjs")).href;
  const entry = new URL("./agents-thread.ts", import.meta.url).href;
  return new Worker(WITH_LOADER, { ...options, workerData: { ...job, loader, entry }, eval: true });
}

const WITH_LOADER = `
  const { loader, entry } = require("node:worker_threads").workerData;
  import(loader).then(({ register }) => { register(); import(entry); });
`;
