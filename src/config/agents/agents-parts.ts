/**
 * A checked agents file in parts: what another thread or process has read arrives in pieces, each
 * so small that the thread that carries sound takes it in well under a millisecond.
 */
import { serialize } from "node:v8";
import type { AgentProfile, AgentsFile, ToolDefinition } from "../../domain/agent-profile.js";
import type { OperatorEntry } from "../operators-file.js";
import type { ParsedAgentsFile } from "./agents-file.js";

/** An agents file with what takes long done already. */
export interface PreparedAgents {
  readonly file: AgentsFile;
  /** The source of the check of each JSON Schema (`checkCode`), by the schema as JSON. */
  readonly checks: ReadonlyMap<string, string>;
  /** Of OPERATORS_FILE, which was read with it. Absent: there is none, or it cannot be used. */
  readonly operators?: readonly OperatorEntry[];
}

/** Where a tool is declared. */
export interface ToolPlace {
  readonly path: string;
  readonly line: number;
  /** Absolute; null: it is no module. */
  readonly module: string | null;
}

/** Every tool of the file, listed by an agent or not. */
export function placesOf({ tools, fault }: ParsedAgentsFile): ReadonlyMap<string, ToolPlace> {
  return new Map(
    [...tools.values()].map(({ name, source }) => {
      const { path, line } = fault(["tools", name, source.kind], "");
      return [name, { path, line, module: source.kind === "module" ? source.path : null }];
    }),
  );
}

/** Agents share the definitions of their tools: they are sent once, and named by their place. */
type BareAgent = Omit<AgentProfile, "tools"> & { readonly tools: readonly number[] };

/** Plain data for a structured clone. */
export type AgentsPart =
  | { readonly part: "begin"; readonly rest: Omit<AgentsFile, "agents" | "numbers"> }
  | { readonly part: "tools"; readonly items: readonly ToolDefinition[] }
  | { readonly part: "agents"; readonly items: readonly BareAgent[] }
  | { readonly part: "numbers"; readonly items: readonly (readonly [string, string])[] }
  | { readonly part: "checks"; readonly items: readonly (readonly [string, string])[] }
  | { readonly part: "operators"; readonly items: readonly OperatorEntry[] }
  | { readonly part: "end" };

/** Parts of the file that are read at the start only. */
export const FIXED_PARTS = ["crm", "redact", "retention", "pricingFile"] as const;

/**
 * Another file as a worker gets it that starts later: what is read at the start only is of the
 * first.
 */
export function withFixedParts(
  next: readonly AgentsPart[],
  first: readonly AgentsPart[],
): readonly AgentsPart[] {
  const begin = first.find((part) => part.part === "begin");
  if (begin === undefined) return next;
  const fixed: Readonly<Record<string, unknown>> = begin.rest;
  return next.map((part) => {
    if (part.part !== "begin") return part;
    const kept = Object.entries({ ...part.rest }).filter(([key]) => !isFixed(key));
    const atStart = Object.entries(fixed).filter(([key]) => isFixed(key));
    return { part: "begin", rest: Object.fromEntries([...kept, ...atStart]) as typeof part.rest };
  });
}

function isFixed(key: string): boolean {
  return FIXED_PARTS.some((part) => part === key);
}

/** About what is read from a channel at once. */
const PART_BYTES = 32 * 1024;
/** Between two parts, so that each has a turn of the event loop of its own. */
export const PART_PAUSE_MS = 4;

export function partsOf({ file, checks }: PreparedAgents): readonly AgentsPart[] {
  const { agents, numbers, ...rest } = file;
  const tools = [...new Set([...agents.values()].flatMap((agent) => agent.tools))];
  const places = new Map(tools.map((tool, i) => [tool, i]));
  const bare = [...agents.values()].map((agent) => ({
    ...agent,
    tools: agent.tools.map((tool) => places.get(tool) ?? 0),
  }));
  return [
    { part: "begin", rest },
    ...grouped(tools).map((items) => ({ part: "tools", items }) as const),
    ...grouped(bare).map((items) => ({ part: "agents", items }) as const),
    ...grouped([...numbers]).map((items) => ({ part: "numbers", items }) as const),
    ...grouped([...checks]).map((items) => ({ part: "checks", items }) as const),
    { part: "end" },
  ];
}

/** The operators travel with the agents. */
export function withOperators(
  parts: readonly AgentsPart[],
  operators: readonly OperatorEntry[],
): readonly AgentsPart[] {
  // Also none is something to be told.
  const groups = operators.length === 0 ? [[]] : grouped(operators);
  const added = groups.map((items) => ({ part: "operators", items }) as const);
  return [...parts.slice(0, -1), ...added, ...parts.slice(-1)];
}

/** These agents with the operators of another file; with their own where that has none to tell. */
export function withOperatorsOf(
  parts: readonly AgentsPart[],
  other: readonly AgentsPart[],
): readonly AgentsPart[] {
  const operators = other.filter(({ part }) => part === "operators");
  if (operators.length === 0) return parts;
  const agents = parts.filter(({ part }) => part !== "operators");
  return [...agents.slice(0, -1), ...operators, ...agents.slice(-1)];
}

function grouped<T>(items: readonly T[]): readonly (readonly T[])[] {
  const groups: T[][] = [];
  let left = 0;
  for (const item of items) {
    const bytes = serialize(item).length;
    if (groups.length === 0 || bytes > left) {
      groups.push([]);
      left = PART_BYTES;
    }
    groups.at(-1)?.push(item);
    left -= bytes;
  }
  return groups;
}

/** Puts the parts together again, in the order in which they were made. */
export class AgentsAssembly {
  #rest: Omit<AgentsFile, "agents" | "numbers"> | null = null;
  readonly #tools: ToolDefinition[] = [];
  readonly #agents = new Map<string, AgentProfile>();
  readonly #numbers = new Map<string, string>();
  readonly #checks = new Map<string, string>();
  #operators: readonly OperatorEntry[] | null = null;

  /** @returns the whole with its last part; null before. */
  add(part: AgentsPart): PreparedAgents | null {
    switch (part.part) {
      case "begin":
        this.#rest = part.rest;
        return null;
      case "tools":
        this.#tools.push(...part.items);
        return null;
      case "agents":
        for (const agent of part.items)
          this.#agents.set(agent.name, {
            ...agent,
            tools: agent.tools.flatMap((place) => this.#tools[place] ?? []),
          });
        return null;
      case "numbers":
        for (const [number, agent] of part.items) this.#numbers.set(number, agent);
        return null;
      case "checks":
        for (const [schema, code] of part.items) this.#checks.set(schema, code);
        return null;
      case "operators":
        this.#operators = [...(this.#operators ?? []), ...part.items];
        return null;
      case "end": {
        if (this.#rest === null) return null;
        const file = { ...this.#rest, agents: this.#agents, numbers: this.#numbers };
        const operators = this.#operators === null ? {} : { operators: this.#operators };
        return { file, checks: this.#checks, ...operators };
      }
    }
  }
}
