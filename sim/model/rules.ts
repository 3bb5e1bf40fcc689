/**
 * A model without understanding, which still tries an agent's tools: it calls a tool when the
 * caller's words match the tool's name and description, and reads the answer out. Pure.
 */
import { missingArgument, readArguments } from "./rule-arguments.js";
import type { ToolOutput, Turn } from "./script.js";
import { wordsOf } from "./words.js";

export interface RuleTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What the model has to answer. */
export interface RuleTurn {
  readonly tools: readonly RuleTool[];
  /** What the caller has said since the last answer; null: nothing that is known in words. */
  readonly callerText: string | null;
  /** Outputs of tools since the last answer. */
  readonly outputs: readonly Pick<ToolOutput, "output">[];
  /** The tool whose arguments were asked for in the last answer, and what was said for it so far. */
  readonly asked: AskedTool | null;
}

export interface AskedTool {
  readonly tool: string;
  readonly said: string;
}

export interface RuleAnswer {
  readonly turn: Turn;
  readonly asked: AskedTool | null;
}

/** A word of the name counts twice; one word of the description alone is too little. */
const NAME_WEIGHT = 2;
const LOWEST_SCORE = 2;

/** Words of callers that descriptions of these tools do not contain. */
const ALSO_MEANS: Readonly<Record<string, string>> = {
  transfer_call:
    "person human someone agent representative operator colleague speak talk connect manager",
  end_call: "bye goodbye",
};

const NO_WORDS =
  "I hear you, but a simulated model understands no speech. Type what you want to say.";
const NO_TOOL = "I am a simulated model, and none of my tools matches that. What else can I do?";

export function answerByRules(heard: RuleTurn): RuleAnswer {
  if (heard.outputs.length > 0)
    return { turn: { say: heard.outputs.map(({ output }) => spokenOutput(output)) }, asked: null };
  if (heard.callerText === null) return { turn: { say: NO_WORDS }, asked: heard.asked };
  const tool = toolFor(heard, heard.callerText);
  if (tool === null) return { turn: { say: NO_TOOL }, asked: null };
  const said =
    heard.asked?.tool === tool.name ? `${heard.asked.said} ${heard.callerText}` : heard.callerText;
  const given = readArguments(tool.parameters, said, tool.description);
  const missing = missingArgument(tool.parameters, given);
  if (missing !== null)
    return {
      turn: { say: `Please tell me the ${missing.replaceAll("_", " ")}.` },
      asked: { tool: tool.name, said },
    };
  const before = SAID_BEFORE[tool.name];
  const calls = [{ name: tool.name, arguments: given }];
  return { turn: before === undefined ? { calls } : { say: before, calls }, asked: null };
}

const SAID_BEFORE: Readonly<Record<string, string>> = {
  transfer_call: "I will connect you now.",
  end_call: "Goodbye.",
};

function toolFor({ tools, asked }: RuleTurn, text: string): RuleTool | null {
  let best: RuleTool | null = null;
  let highest = LOWEST_SCORE - 1;
  for (const tool of tools) {
    const score = scoreOf(tool, text);
    if (score <= highest) continue;
    best = tool;
    highest = score;
  }
  // An answer to a question rarely names the tool that it is for.
  return best ?? tools.find(({ name }) => name === asked?.tool) ?? null;
}

function scoreOf(tool: RuleTool, text: string): number {
  const inName = wordsOf(`${tool.name} ${ALSO_MEANS[tool.name] ?? ""}`);
  const inDescription = wordsOf(`${tool.description} ${textsOf(tool.parameters)}`);
  let score = 0;
  for (const word of wordsOf(text))
    score += inName.has(word) ? NAME_WEIGHT : inDescription.has(word) ? 1 : 0;
  return score;
}

/** Names and descriptions of the properties. */
function textsOf(parameters: Readonly<Record<string, unknown>>): string {
  const properties = parameters["properties"];
  if (typeof properties !== "object" || properties === null) return "";
  return Object.entries(properties)
    .map(([name, property]: [string, unknown]) => {
      const description =
        typeof property === "object" && property !== null
          ? Reflect.get(property, "description")
          : null;
      return `${name} ${typeof description === "string" ? description : ""}`;
    })
    .join(" ");
}

/** A tool's output as a sentence: the fields of JSON by name, anything else as it is. */
export function spokenOutput(output: string): string {
  let value: unknown;
  try {
    value = JSON.parse(output);
  } catch {
    return output;
  }
  const spoken = inWords(value);
  return spoken === "" ? "Done." : `${spoken}.`;
}

function inWords(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.map(inWords).filter(Boolean).join(" and ");
  return Object.entries(value)
    .map(([name, one]) => [name.replaceAll("_", " "), inWords(one)] as const)
    .filter(([, words]) => words !== "")
    .map(([name, words]) => `${name}: ${words}`)
    .join(", ");
}
