/** `murelay test`: runs conversations against an agents file. */
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { envLookup } from "../src/adapters/system/env-files.js";
import { type CliIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "../src/cli/io.js";
import { SETTINGS } from "../src/config/settings.js";
import { RelayError } from "../src/domain/errors.js";
import { ConversationFileError, readConversationFile } from "./conversation-file.js";
import { runConversations } from "./conversation-run.js";
import {
  type FileResult,
  jsonReport,
  junitReport,
  resultLines,
  summaryLine,
} from "./test-report.js";

export interface TestOptions {
  readonly agents?: string;
  readonly model?: string;
  readonly json?: boolean;
  readonly junit?: string;
  /** Only conversations whose name contains it. */
  readonly only?: string;
}

/** Where conversations are looked for when no file is named. */
const FOLDER = "conversations";

/** @returns the exit status: 1 when a conversation failed, 2 when none could be run. */
export async function main(
  io: CliIo,
  given: readonly string[],
  options: TestOptions,
): Promise<number> {
  const { model = "simulated" } = options;
  if (model !== "simulated" && model !== "openai") {
    io.err(`--model ${model}: the model is simulated or openai`);
    return EXIT_USAGE;
  }
  if (model === "openai" && envLookup(io.env)("OPENAI_API_KEY") === undefined) {
    io.err("--model openai needs a key: set OPENAI_API_KEY in the environment or in .env");
    return EXIT_USAGE;
  }
  const files = given.length > 0 ? given.flatMap(filesOf) : conversationFiles(FOLDER);
  if (files.length === 0) {
    io.err(
      `there is no conversation in ${given.join(", ") || `${FOLDER}/`}: name a file, or begin with murelay init`,
    );
    return EXIT_USAGE;
  }
  const results: FileResult[] = [];
  try {
    for (const file of files) results.push(await runFile(io, file, model, options));
  } catch (error) {
    if (!(error instanceof RelayError) && !(error instanceof ConversationFileError)) throw error;
    io.err(error.message);
    return EXIT_USAGE;
  }
  if (results.every((file) => file.results.length === 0)) {
    io.err(`no conversation has “${options.only ?? ""}” in its name`);
    return EXIT_USAGE;
  }
  io.out(options.json === true ? jsonReport(results) : summaryLine(results));
  // Last: where it cannot be written, the results have been printed.
  if (options.junit !== undefined) writeFileSync(options.junit, junitReport(results));
  return results.every((file) => file.results.every(({ ok }) => ok)) ? EXIT_OK : EXIT_FAILED;
}

/** A file, or the conversations of a folder. */
function filesOf(path: string): string[] {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? conversationFiles(path) : [path];
}

function conversationFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /\.(?:ya?ml|json)$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

async function runFile(
  io: CliIo,
  path: string,
  model: "simulated" | "openai",
  { agents, json, only }: TestOptions,
): Promise<FileResult> {
  const file = readConversationFile(path);
  const agentsFile =
    agents ?? file.agentsFile ?? (io.env["AGENTS_FILE"] || SETTINGS.agentsFile.default || "");
  const conversations = file.conversations.filter(({ name }) => name.includes(only ?? ""));
  const results = await runConversations(
    conversations,
    { env: io.env, agentsFile, model, log: (line) => io.err(line.trimEnd()) },
    (result) => {
      if (json !== true) for (const line of resultLines(path, result)) io.out(line);
    },
  );
  return { file: path, results };
}
