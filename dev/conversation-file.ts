/**
 * Conversations written as YAML: what the caller does, what the simulated model does, and what is
 * expected of the agent. docs/testing.md describes the format.
 */
import { dirname, resolve } from "node:path";
import { AgentsFileError, readAgentsText } from "../src/config/agents/agents-file.js";
import { SchemaIssues } from "../src/config/agents/schema-issues.js";
import { pathText, SourceText } from "../src/config/agents/source-text.js";
import {
  type ConversationInput,
  conversationsJsonSchema,
  conversationsSchema,
  type TurnInput,
} from "../src/config/conversations/schema.js";

export type {
  Expectation,
  ExpectedTool,
  ModelResponse,
} from "../src/config/conversations/schema.js";

export type Step = TurnInput & { readonly line: number };
export type Conversation = Omit<ConversationInput, "turns"> & {
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

const ISSUES = new SchemaIssues(conversationsJsonSchema);

/** @throws ConversationFileError with every fault, also when the file cannot be read. */
export function readConversationFile(path: string): ConversationFile {
  let text: string;
  try {
    text = readAgentsText(path);
  } catch (error) {
    if (!(error instanceof AgentsFileError)) throw error;
    throw new ConversationFileError(path, error.faults);
  }
  return parseConversations(text, path);
}

/** @throws ConversationFileError with every fault. */
export function parseConversations(text: string, path: string): ConversationFile {
  const source = new SourceText(text);
  if (source.faults.length > 0) throw new ConversationFileError(path, source.faults);
  const parsed = conversationsSchema.safeParse(source.value);
  if (!parsed.success) {
    const faults: ConversationFault[] = [];
    for (const issue of parsed.error.issues)
      ISSUES.report(issue, source.value, (at, problem, where) => {
        faults.push({
          ...source.locate(at, where),
          problem: `${pathText(at)} ${problem}`.trimStart(),
        });
      });
    throw new ConversationFileError(
      path,
      faults.sort((a, b) => a.line - b.line || a.column - b.column),
    );
  }
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
}
