/**
 * Conversations written as YAML: what the caller does, what the simulated model does, and what is
 * expected of the agent. docs/testing.md describes the format.
 */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { readAgentsText } from "../src/config/agents/agents-file.js";
import { pathText, SourceText } from "../src/config/agents/source-text.js";
import { didYouMean } from "../src/config/nearest.js";

const texts = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((value) => (typeof value === "string" ? [value] : value));

const argumentsSchema = z.record(z.string(), z.unknown());

const expectedTool = z.union([
  z
    .string()
    .min(1)
    .transform((name) => ({ name, arguments: undefined, output: undefined })),
  z.strictObject({
    name: z.string().min(1),
    /** Further arguments are allowed. */
    arguments: argumentsSchema.optional(),
    output: z.unknown().optional(),
  }),
]);

const expectation = z.strictObject({
  says: texts.optional(),
  does_not_say: texts.optional(),
  tool: expectedTool.optional(),
  tools: z.array(expectedTool).optional(),
  transfer: z.string().min(1).optional(),
  ended: z.boolean().optional(),
});

/** One response of the simulated model. */
const response = z.strictObject({
  say: z.string().optional(),
  call: z.string().min(1).optional(),
  arguments: argumentsSchema.optional(),
});

const step = z.strictObject({
  caller: z.string().min(1).optional(),
  press: z
    .string()
    .regex(/^[0-9*#]+$/, "is not a row of keys: 0 to 9, * and #")
    .optional(),
  hang_up: z.literal(true).optional(),
  model: z.array(response).optional(),
  expect: expectation.optional(),
});

const conversation = z.strictObject({
  name: z.string().min(1),
  /** Default: the agent of `number`. */
  agent: z.string().min(1).optional(),
  /** The number that is called. Default: the first of the agents file. */
  number: z.string().min(1).optional(),
  /** The caller's number. */
  from: z.string().min(1).optional(),
  turns: z.array(step).min(1),
});

const file = z.strictObject({
  agents_file: z.string().min(1).optional(),
  conversations: z.array(conversation).min(1),
});

export type ExpectedTool = z.output<typeof expectedTool>;
export type Expectation = z.output<typeof expectation>;
export type ModelResponse = z.output<typeof response>;
export type Step = z.output<typeof step> & { readonly line: number };
export type Conversation = Omit<z.output<typeof conversation>, "turns"> & {
  readonly line: number;
  readonly turns: readonly Step[];
};

export interface ConversationFile {
  readonly path: string;
  /** Absolute; null: the file names none. */
  readonly agentsFile: string | null;
  readonly conversations: readonly Conversation[];
}

export interface ConversationFault {
  readonly line: number;
  readonly column: number;
  readonly problem: string;
}

export class ConversationFileError extends Error {
  readonly faults: readonly ConversationFault[];

  constructor(path: string, faults: readonly ConversationFault[]) {
    super(
      faults.map(({ line, column, problem }) => `${path}:${line}:${column}: ${problem}`).join("\n"),
    );
    this.name = "ConversationFileError";
    this.faults = faults;
  }
}

/** @throws ConversationFileError with every fault; AgentsFileError when it cannot be read. */
export function readConversationFile(path: string): ConversationFile {
  return parseConversations(readAgentsText(path), path);
}

/** @throws ConversationFileError with every fault. */
export function parseConversations(text: string, path: string): ConversationFile {
  const source = new SourceText(text);
  if (source.faults.length > 0) throw new ConversationFileError(path, source.faults);
  const parsed = file.safeParse(source.value);
  if (!parsed.success)
    throw new ConversationFileError(
      path,
      parsed.error.issues.flatMap((issue) => faults(issue)),
    );
  const { agents_file: agentsFile, conversations } = parsed.data;
  return {
    path,
    agentsFile: agentsFile === undefined ? null : resolve(dirname(path), agentsFile),
    conversations: conversations.map((one, i) => ({
      ...one,
      line: source.locate(["conversations", i]).line,
      turns: one.turns.map((turn, k) => ({
        ...turn,
        line: source.locate(["conversations", i, "turns", k]).line,
      })),
    })),
  };

  function faults(issue: z.core.$ZodIssue): ConversationFault[] {
    const at = issue.path.filter((part) => typeof part !== "symbol");
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => ({
        ...source.locate([...at, key], "key"),
        problem: `${pathText([...at, key])} is unknown${didYouMean(key, KEYS)}`,
      }));
    return [
      { ...source.locate(at), problem: `${pathText(at)}: ${issue.message}`.replace(/^: /, "") },
    ];
  }
}

const KEYS = [
  ...Object.keys(file.shape),
  ...Object.keys(conversation.shape),
  ...Object.keys(step.shape),
  ...Object.keys(expectation.shape),
  ...Object.keys(response.shape),
  "output",
];
