import {
  type AgentsFault,
  AgentsFileError,
  parseConfiguredAgentsFile,
} from "../../config/agents/agents-file.js";
import { isAssignable } from "../../config/agents/number-plans.js";
import { readPriceTable } from "../../config/agents/price-table.js";
import type { Config, Environment } from "../../config/load.js";
import type { AgentProfile, AgentsFile } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import { type CheckResult, fail, ok, warn } from "../check-result.js";
import { agentsFileOf, checkFile } from "../config-check.js";
import type { CliIo } from "../io.js";

const SUBJECT = "agents file";

/** @returns the agents, or null when the file has a fault. */
export function* checkAgentsFile(
  config: Config,
  env: Environment,
): Generator<CheckResult, AgentsFile | null> {
  try {
    const { agents, warnings } = parseConfiguredAgentsFile(config, env);
    const names = [...agents.agents.keys()].join(", ");
    const numbers = agents.defaultAgent === null ? `, ${agents.numbers.size} numbers` : "";
    yield ok(SUBJECT, `${config.agentsFile}: ${names}${numbers}`);
    for (const warning of warnings)
      yield warn(SUBJECT, faultText(config.agentsFile, warning), AT_PLACE);
    for (const agent of agents.agents.values()) yield* checkDestinations(agent);
    yield* checkPrices(agents);
    return agents;
  } catch (error) {
    if (!(error instanceof AgentsFileError)) throw error;
    for (const fault of error.faults) yield fail(SUBJECT, faultText(error.file, fault), AT_PLACE);
    return null;
  }
}

/** What can be said of the file, and of the tools and prices that it names, without settings. */
export async function* checkAgentsAlone(io: Pick<CliIo, "env">): AsyncGenerator<CheckResult> {
  const { file, agents, faults, warnings } = await checkFile(agentsFileOf(io), io);
  if (faults.length === 0) yield ok(SUBJECT, `${file}: ${agents.join(", ")}`);
  for (const fault of faults) yield fail(SUBJECT, faultText(file, fault), AT_PLACE);
  for (const warning of warnings) yield warn(SUBJECT, faultText(file, warning), AT_PLACE);
}

const AT_PLACE = "correct the file at this place";

function faultText(file: string, { path, line, column, problem }: AgentsFault): string {
  return `${file}:${line}:${column} ${path === "" ? "" : `${path} `}${problem}`;
}

function* checkPrices(agents: AgentsFile): Generator<CheckResult> {
  try {
    const prices = readPriceTable(agents.pricingFile ?? null);
    // A dated name has the price of the undated one.
    for (const model of new Set([...agents.agents.values()].map((agent) => agent.model)))
      if (!prices.models.has(model) && !prices.models.has(model.replace(/-\d{4}-\d{2}-\d{2}$/, "")))
        yield warn(
          SUBJECT,
          `the price list of ${prices.asOf} does not contain ${model}, so that costs leave it out`,
          "check the model's name, or add it to the price list (pricing)",
        );
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    yield fail(SUBJECT, error.message, "correct the file that pricing names");
  }
}

function* checkDestinations({ name, transfer }: AgentProfile): Generator<CheckResult> {
  if (transfer.default === null)
    yield warn(
      SUBJECT,
      `${name} has no human to transfer callers to`,
      "set HUMAN_AGENT_NUMBER, or transfer.destinations in the agents file",
    );
  for (const destination of transfer.destinations.values()) {
    const target = "target" in destination ? destination.target : null;
    if (target?.type === "number" && !isAssignable(target.e164))
      yield warn(
        SUBJECT,
        `${name}: no numbering plan contains the number of ${destination.name}`,
        "check it for a typing error",
      );
  }
}
