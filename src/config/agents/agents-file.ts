/**
 * Reads the agents file (YAML or JSON): which agent answers which number, and how. Every fault is reported with its
 * path and line.
 */
import { readFileSync } from "node:fs";
import type { z } from "zod";
import { envLookup } from "../../adapters/system/env-files.js";
import type { AgentsFile, ToolDefinition } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import type { Config, Environment } from "../load.js";
import { didYouMean } from "../nearest.js";
import { type BuildContext, buildAgentsFile, buildTools } from "./build.js";
import { crossCheck, type Report } from "./checks.js";
import { type AgentInput, agentSchema, agentsJsonSchema, fileSchema } from "./schema.js";
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
    for (const issue of parsed.error.issues) reportIssue(issue, issue.path, source.value, report);
  crossCheck(source.value, lookup, report);
  if (!parsed.success || faults.length > 0) throw new AgentsFileError(path, inOrder(faults));

  const building = { lookup, defaults: context.defaults, path };
  const tools = buildTools(parsed.data, building);
  const warnings: AgentsFault[] = [];
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
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw whole(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (text.length > MAX_BYTES) throw whole("is larger than 1 MiB");
  if (text.includes("\u0000")) throw whole("is encoded in UTF-16: save it in UTF-8");
  return text;
}

/** Reads the file that AGENTS_FILE names. @throws AgentsFileError, also when it cannot be read. */
export function readAgentsFile(config: Config, env: Environment): AgentsFile {
  return parseConfiguredAgentsFile(config, env).agents;
}

/** As readAgentsFile, with what `doctor` needs besides. */
export function parseConfiguredAgentsFile(config: Config, env: Environment): ParsedAgentsFile {
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
 * Merges each agent's own settings with the file's defaults, key by key. Both have passed the schema, so that their
 * union passes it as well.
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

type Issue = z.core.$ZodIssue;

function reportIssue(
  issue: Issue,
  at: readonly PropertyKey[],
  file: unknown,
  report: Report,
): void {
  const path = at.filter((part) => typeof part !== "symbol");
  switch (issue.code) {
    case "unrecognized_keys":
      for (const key of issue.keys)
        report([...path, key], `is unknown${didYouMean(key, knownKeys(path))}`, "key");
      return;
    case "invalid_key":
      report(path, issue.issues[0]?.message ?? "is not allowed as a name", "key");
      return;
    case "invalid_type": {
      const value = path.reduce<unknown>((node, part) => property(node, part), file);
      if (value === undefined) report(path, "is missing");
      else
        report(
          path,
          issue.message.startsWith("is ")
            ? issue.message
            : `must be ${TYPES[issue.expected] ?? issue.expected}`,
        );
      return;
    }
    case "invalid_value":
      report(path, `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`);
      return;
    case "invalid_union":
      report(
        path,
        issue.message.startsWith("is ") ? issue.message : "must be server_vad or semantic_vad",
      );
      return;
    case "too_small":
      report(path, issue.message.startsWith("is ") ? issue.message : `is below ${issue.minimum}`);
      return;
    case "too_big":
      report(path, `is above ${issue.maximum}${issue.origin === "string" ? " characters" : ""}`);
      return;
    default:
      report(path, issue.message);
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: "text",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "a mapping (name: value)",
  record: "a mapping (name: value)",
  array: "a list",
};

/** Made when the first unknown key is found: that takes some milliseconds. */
let jsonSchema: ReturnType<typeof agentsJsonSchema> | null = null;

/** The names that are allowed where an unknown one was found, for a suggestion. */
function knownKeys(path: Path): readonly string[] {
  jsonSchema ??= agentsJsonSchema();
  const schema = jsonSchema;
  const definitions = property(schema, "definitions");
  /** Follows references and alternatives to every schema of this place that describes a mapping or a list. */
  const resolved = (node: unknown): readonly unknown[] => {
    const reference = property(node, "$ref");
    if (typeof reference === "string")
      return resolved(property(definitions, reference.replace("#/definitions/", "")));
    const alternatives = ["anyOf", "allOf", "oneOf"].flatMap((key) => property(node, key) ?? []);
    return [node, ...alternatives.flatMap(resolved)];
  };
  let places = resolved(schema);
  for (const part of path)
    places = places
      .map((node) =>
        typeof part === "number"
          ? property(node, "items")
          : (property(property(node, "properties"), part) ??
            property(node, "additionalProperties")),
      )
      .flatMap(resolved);
  return places.flatMap((node) => Object.keys(Object(property(node, "properties"))));
}

function property(node: unknown, key: string | number): unknown {
  return typeof node === "object" && node !== null ? Reflect.get(node, key) : undefined;
}

function inOrder(faults: readonly AgentsFault[]): readonly AgentsFault[] {
  const unique = new Map(faults.map((fault) => [`${fault.path}\n${fault.problem}`, fault]));
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}
