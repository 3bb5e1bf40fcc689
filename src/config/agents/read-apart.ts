/**
 * Reads an agents file or an operators file in a process of its own. To parse, check and compile a
 * large one takes seconds of work, and the thread that carries sound must not stand still for more
 * than a few milliseconds.
 * A thread would not do: all threads of a process share V8's helpers, which compile and collect
 * garbage at the priority of those that carry sound.
 */
import { type ChildProcess, fork } from "node:child_process";
import { helperThreadFlags } from "../../adapters/system/helper-threads.js";
import { programPart } from "../../adapters/system/program-part.js";
import { type ErrorCode, RelayError } from "../../domain/errors.js";
import type { JsonSchema } from "../../tools/schema-types.js";
import type { Config, Environment } from "../load.js";
import type { OperatorEntry } from "../operators-file.js";
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

export type AgentsJob =
  | { readonly job: "read"; readonly config: AgentsConfig; readonly env: Environment }
  | { readonly job: "compile"; readonly schemas: readonly JsonSchema[] }
  | {
      readonly job: "operators";
      readonly operatorsFile: string;
      /** The token itself is not needed there. */
      readonly hasAdminToken: boolean;
    };

export type FromAgentsJob =
  | { readonly type: "part"; readonly part: AgentsPart }
  | { readonly type: "read"; readonly places: ReadonlyMap<string, ToolPlace> }
  | {
      readonly type: "compiled";
      readonly checks: ReadonlyMap<string, string>;
      readonly refused: ReadonlyMap<string, string>;
    }
  | { readonly type: "operators"; readonly operators: readonly OperatorEntry[] }
  | { readonly type: "faults"; readonly file: string; readonly faults: readonly AgentsFault[] }
  | { readonly type: "failed"; readonly code: ErrorCode; readonly problem: string };

export type FromAgentsProcess = FromAgentsJob & {
  /** It is not to have another job. */
  readonly isSpent?: true;
};

/** The largest file takes a few seconds on a busy machine. */
const MAX_MS = 60_000;
/** The agents that are read with it wait for it, and the supervisor for them. */
const MAX_OPERATORS_MS = 10_000;
/**
 * From a job on. Files are read again in bursts, while it is edited, and most of a read is the
 * start of the process: a third of a second of a core that the calls need.
 */
const SPARE_MS = 5_000;
/** A file of a megabyte takes some hundred. */
const HEAP_MB = 512;

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
  return await inProcess({ job: "compile", schemas }, (message) => {
    if (message.type !== "compiled") return undefined;
    const [problem] = message.refused.values();
    if (problem !== undefined) throw new RelayError("config_invalid", problem);
    return message.checks;
  });
}

/**
 * As configuredOperators. A file may be long, or a pipe without a writer.
 *
 * @throws RelayError config_invalid when OPERATORS_FILE cannot be used.
 */
export async function readOperatorsApart({
  operatorsFile,
  adminToken,
}: Pick<Config, "operatorsFile" | "adminToken">): Promise<readonly OperatorEntry[]> {
  if (operatorsFile === null) return [];
  return await inProcess(
    { job: "operators", operatorsFile, hasAdminToken: adminToken !== null },
    (message) => (message.type === "operators" ? message.operators : undefined),
    MAX_OPERATORS_MS,
  );
}

function readParts(
  { agentsFile, openaiRealtimeModel, humanAgentNumber, maxCallMinutes }: AgentsConfig,
  env: Environment,
  onPart: (part: AgentsPart) => void,
): Promise<ReadonlyMap<string, ToolPlace>> {
  const config = { agentsFile, openaiRealtimeModel, humanAgentNumber, maxCallMinutes };
  // `process.env` itself cannot be sent.
  return inProcess({ job: "read", config, env: { ...env } }, (message) => {
    if (message.type === "part") onPart(message.part);
    return message.type === "read" ? message.places : undefined;
  });
}

/** @param result  undefined: not yet. */
function inProcess<T>(
  job: AgentsJob,
  result: (message: FromAgentsJob) => T | undefined,
  mostMs = MAX_MS,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = takeSpare() ?? startProcess();
    const late = setTimeout(() => {
      reject(new RelayError("internal", "the file was not read in time"));
      child.kill("SIGKILL");
    }, mostMs);
    const over = (how: string): void => {
      clearTimeout(late);
      reject(new RelayError("internal", `the process that reads agents files has ended: ${how}`));
    };
    const received = (message: FromAgentsProcess): void => {
      try {
        if (message.type === "faults") throw new AgentsFileError(message.file, message.faults);
        if (message.type === "failed") throw new RelayError(message.code, message.problem);
        const found = result(message);
        if (found === undefined) return;
        resolve(found);
      } catch (error) {
        reject(error);
      }
      clearTimeout(late);
      child.off("message", received).off("error", failed).off("exit", ended);
      // After a part there would be more of them.
      if (message.type === "part" || message.isSpent === true) child.disconnect();
      else keep(child);
    };
    const failed = (error: Error): void => over(error.message);
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      const how = signal ?? `exit status ${code}`;
      // Its last messages may not have been read yet.
      if (child.connected) child.once("disconnect", () => over(how));
      else over(how);
    };
    child.on("message", received).on("error", failed).on("exit", ended);
    // A failure to send is followed by the exit.
    child.send(job, () => undefined);
  });
}

/** A process that waits for the next job. */
let spare: { readonly child: ChildProcess; readonly forget: () => void } | null = null;

function takeSpare(): ChildProcess | null {
  if (spare === null) return null;
  const { child, forget } = spare;
  forget();
  if (!child.connected) return null;
  child.ref();
  child.channel?.ref();
  return child;
}

/** It does not keep this process alive, and ends with it. */
function keep(child: ChildProcess): void {
  if (spare !== null || !child.connected) {
    if (child.connected) child.disconnect();
    return;
  }
  const end = setTimeout(() => {
    forget();
    child.disconnect();
  }, SPARE_MS);
  const forget = (): void => {
    clearTimeout(end);
    child.off("error", forget).off("exit", forget);
    spare = null;
  };
  end.unref();
  child.unref();
  child.channel?.unref();
  child.on("error", forget).on("exit", forget);
  spare = { child, forget };
}

function startProcess(): ChildProcess {
  const { file, execArgv } = programPart(new URL("./agents-process", import.meta.url));
  return fork(file, {
    execArgv: [`--max-old-space-size=${HEAP_MB}`, ...helperThreadFlags, ...execArgv],
    // Such as a debugger's port, which is the relay's.
    env: { ...process.env, NODE_OPTIONS: "" },
    serialization: "advanced",
    // What it prints, for example when it runs out of memory, is no line of the relay's log.
    stdio: ["ignore", 2, 2, "ipc"],
  });
}
