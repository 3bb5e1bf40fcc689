/**
 * Reads the agents file (YAML or JSON): which agent answers which number, and how. Every fault is
 * reported with its path and line.
 */

import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { envLookup } from "../../adapters/system/env-files.js";
import type { AgentsFile, ToolDefinition } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import type { Config, Environment } from "../load.js";
import { readProblem } from "../read-problem.js";
import { type BuildContext, buildAgentsFile, buildTools } from "./build.js";
import { crossCheck, type Report } from "./checks.js";
import { property } from "./raw.js";
import { type AgentInput, agentSchema, agentsJsonSchema, fileSchema } from "./schema.js";
import { SchemaIssues } from "./schema-issues.js";
import { type Path, pathText, SourceText } from "./source-text.js";
import { agentsWarnings } from "./warnings.js";

export interface AgentsFault {
  /** agents.support.tools[1]; "" for the file itself. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly problem: string;
}

export class AgentsFileError extends RelayError {
  readonly file: string;
  readonly faults: readonly AgentsFault[];

  constructor(file: string, faults: readonly AgentsFault[]) {
    const lines = faults.map(({ path, line, column, problem }) =>
      `  ${file}:${line}:${column} ${path} ${problem}`.replace(/ {2,}(?=\S)/g, (gap, at) =>
        at === 0 ? gap : " ",
      ),
    );
    super("config_invalid", ["the agents file has faults:", ...lines].join("\n"));
    this.name = "AgentsFileError";
    this.file = file;
    this.faults = faults;
  }
}

export interface AgentsFileContext {
  /** For ${NAME} in headers; NAME_FILE works too. */
  readonly env: Environment;
  readonly defaults: BuildContext["defaults"];
}

export interface ParsedAgentsFile {
  readonly agents: AgentsFile;
  /** Every tool of the file by its name, listed by an agent or not. */
  readonly tools: ReadonlyMap<string, ToolDefinition>;
  /** What is probably a mistake. The relay starts all the same. */
  readonly warnings: readonly AgentsFault[];
  /** The fault of a value that a later check finds. */
  fault(at: Path, problem: string): AgentsFault;
}

const ISSUES = new SchemaIssues(agentsJsonSchema);

/** The settings that matter to it. */
export type AgentsConfig = Pick<
  Config,
  "agentsFile" | "openaiRealtimeModel" | "humanAgentNumber" | "maxCallMinutes"
>;

/** A larger file is something else. */
const MAX_BYTES = 1024 * 1024;

/** As parseAgentsFile, for a relay that starts. */
export function loadAgentsFile(text: string, path: string, context: AgentsFileContext): AgentsFile {
  return parseAgentsFile(text, path, context).agents;
}

/**
 * @param path  the file of the text: faults name it, and paths in the file are relative to it.
 * @throws AgentsFileError with every fault, in the order of the file.
 */
export function parseAgentsFile(
  text: string,
  path: string,
  context: AgentsFileContext,
): ParsedAgentsFile {
  const source = new SourceText(text);
  if (source.faults.length > 0)
    throw new AgentsFileError(
      path,
      source.faults.map((fault) => ({ ...fault, path: "" })),
    );

  const located = (at: Path, problem: string, where?: Parameters<Report>[2]): AgentsFault => ({
    path: pathText(at),
    ...source.locate(at, where),
    problem,
  });
  const faults: AgentsFault[] = [];
  const report: Report = (...fault) => void faults.push(located(...fault));
  const lookup = envLookup(context.env);
  const parsed = fileSchema.safeParse(source.value);
  if (!parsed.success)
    for (const issue of parsed.error.issues) ISSUES.report(issue, source.value, report);
  crossCheck(source.value, lookup, report);
  if (!parsed.success || faults.length > 0) throw new AgentsFileError(path, inOrder(faults));

  const building = { lookup, defaults: context.defaults, path };
  const tools = buildTools(parsed.data, building);
  const warnings: AgentsFault[] = source.cutTexts().map((fault) => ({ ...fault, path: "" }));
  agentsWarnings(source.value, (...warning) => void warnings.push(located(...warning)));
  return {
    agents: buildAgentsFile(parsed.data, withDefaults(source.value), tools, building),
    tools,
    warnings: inOrder(warnings),
    fault: located,
  };
}

/** @throws AgentsFileError when the file cannot be read or is no text. */
export function readAgentsText(path: string): string {
  const whole = (problem: string) =>
    new AgentsFileError(path, [{ path: "", line: 1, column: 1, problem }]);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw whole(`cannot be read: ${readProblem(error)}`);
  }
  if (bytes.length > MAX_BYTES) throw whole("is larger than 1 MiB");
  if (bytes.includes(0)) throw whole("is encoded in UTF-16: save it in UTF-8");
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  const line = lineWithoutUtf8(bytes);
  const problem = "has a character that is not encoded in UTF-8: save the file in UTF-8";
  throw new AgentsFileError(path, [{ path: "", line, column: 1, problem }]);
}

/** The first line that is not in UTF-8, from 1. */
function lineWithoutUtf8(bytes: Buffer): number {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf("\n", start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
    line++;
  }
}

/** Reads the file that AGENTS_FILE names. @throws AgentsFileError, also when it cannot be read. */
export function readAgentsFile(config: Config, env: Environment): AgentsFile {
  return parseConfiguredAgentsFile(config, env).agents;
}

/** As readAgentsFile, with what `doctor` needs besides. */
export function parseConfiguredAgentsFile(
  config: AgentsConfig,
  env: Environment,
): ParsedAgentsFile {
  const path = config.agentsFile;
  return parseAgentsFile(readAgentsText(path), path, {
    env,
    defaults: {
      model: config.openaiRealtimeModel,
      humanAgentNumber: config.humanAgentNumber,
      maxCallMinutes: config.maxCallMinutes,
    },
  });
}

/**
 * Merges each agent's own settings with the file's defaults, key by key. Both have passed the
 * schema, so that their union passes it as well.
 */
function withDefaults(value: unknown): ReadonlyMap<string, AgentInput> {
  const defaults = property(value, "defaults");
  const agents = property(value, "agents");
  return new Map(
    Object.entries(typeof agents === "object" && agents !== null ? agents : {}).map(
      ([name, agent]) => [
        name,
        agentSchema.parse({ ...(typeof defaults === "object" ? defaults : {}), ...agent }),
      ],
    ),
  );
}

function inOrder(faults: readonly AgentsFault[]): readonly AgentsFault[] {
  const unique = new Map(faults.map((fault) => [`${fault.path}\n${fault.problem}`, fault]));
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}
