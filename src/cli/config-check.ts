import {
  type AgentsFault,
  AgentsFileError,
  type ParsedAgentsFile,
  parseAgentsFile,
  readAgentsText,
} from "../config/agents/agents-file.js";
import { readPriceTable } from "../config/agents/price-table.js";
import { SETTINGS } from "../config/settings.js";
import { RelayError } from "../domain/errors.js";
import { type CliIo, EXIT_FAILED, EXIT_OK } from "./io.js";
import { toolProblem } from "./tool-check.js";

export interface ConfigCheck {
  readonly file: string;
  readonly ok: boolean;
  readonly agents: readonly string[];
  readonly faults: readonly AgentsFault[];
  readonly warnings: readonly AgentsFault[];
}

/**
 * Checks the agents file and everything that it names: tool modules, the price list, secrets by
 * their names. It needs no valid settings, no network and no database.
 *
 * @param file  null: AGENTS_FILE.
 */
export async function checkConfig(
  io: CliIo,
  file: string | null,
  options: { readonly json?: boolean } = {},
): Promise<number> {
  const path = file ?? agentsFileOf(io);
  const check = await checkFile(path, io);
  if (options.json === true) io.out(JSON.stringify(check, null, 2));
  else {
    for (const fault of check.faults) io.out(line(path, "", fault));
    for (const warning of check.warnings) io.out(line(path, "warning: ", warning));
    io.out(summary(check));
  }
  return check.ok ? EXIT_OK : EXIT_FAILED;
}

/** AGENTS_FILE, whatever the other settings are. */
export function agentsFileOf({ env }: Pick<CliIo, "env">): string {
  return env["AGENTS_FILE"] || SETTINGS.agentsFile.default || "";
}

export async function checkFile(path: string, io: Pick<CliIo, "env">): Promise<ConfigCheck> {
  const failed = (faults: readonly AgentsFault[]): ConfigCheck => ({
    file: path,
    ok: false,
    agents: [],
    faults,
    warnings: [],
  });
  let parsed: ParsedAgentsFile;
  try {
    parsed = parseAgentsFile(readAgentsText(path), path, {
      env: io.env,
      defaults: {
        model: io.env["OPENAI_REALTIME_MODEL"] || (SETTINGS.openaiRealtimeModel.default ?? ""),
        // Whether it is a number that may be dialled is a matter of the settings.
        humanAgentNumber: null,
        maxCallMinutes: Number(SETTINGS.maxCallMinutes.default),
      },
    });
  } catch (error) {
    if (!(error instanceof AgentsFileError)) throw error;
    return failed(error.faults);
  }
  const faults = [...(await toolFaults(parsed)), ...priceFaults(parsed)];
  const agents = [...parsed.agents.agents.keys()];
  return { file: path, ok: faults.length === 0, agents, faults, warnings: parsed.warnings };
}

async function toolFaults({ tools, fault }: ParsedAgentsFile): Promise<readonly AgentsFault[]> {
  const faults: AgentsFault[] = [];
  for (const [name, definition] of tools) {
    const problem = await toolProblem(definition);
    if (problem !== null) faults.push(fault(["tools", name, definition.source.kind], problem));
  }
  return faults;
}

function priceFaults({ agents, fault }: ParsedAgentsFile): readonly AgentsFault[] {
  try {
    readPriceTable(agents.pricingFile ?? null);
    return [];
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    return [fault(["pricing"], error.message)];
  }
}

function line(
  file: string,
  kind: string,
  { line: at, column, path, problem }: AgentsFault,
): string {
  return `${file}:${at}:${column}: ${kind}${path === "" ? "" : `${path} `}${problem}`;
}

function summary({ file, ok, agents, faults, warnings }: ConfigCheck): string {
  const counted = (n: number, word: string) => `${n} ${word}${n === 1 ? "" : "s"}`;
  const found = [
    ...(faults.length > 0 ? [counted(faults.length, "fault")] : []),
    ...(warnings.length > 0 ? [counted(warnings.length, "warning")] : []),
  ];
  const answering = ok ? ` (${agents.join(", ")})` : "";
  return `${file}: ${found.length === 0 ? "no faults" : found.join(", ")}${answering}`;
}
