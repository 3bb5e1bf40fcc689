import { AgentsFileError, readAgentsFile } from "../../config/agents/agents-file.js";
import { isAssignable } from "../../config/agents/dial-target.js";
import type { Config, Environment } from "../../config/load.js";
import type { AgentProfile, AgentsFile } from "../../domain/agent-profile.js";
import { type CheckResult, fail, ok, warn } from "../check-result.js";

const SUBJECT = "agents file";

/** @returns the agents, or null when the file has a fault. */
export function* checkAgentsFile(
  config: Config,
  env: Environment,
): Generator<CheckResult, AgentsFile | null> {
  try {
    const agents = readAgentsFile(config, env);
    const names = [...agents.agents.keys()].join(", ");
    const numbers = agents.defaultAgent === null ? `, ${agents.numbers.size} numbers` : "";
    yield ok(SUBJECT, `${config.agentsFile}: ${names}${numbers}`);
    for (const agent of agents.agents.values()) yield* checkDestinations(agent);
    return agents;
  } catch (error) {
    if (!(error instanceof AgentsFileError)) throw error;
    for (const { path, line, column, problem } of error.faults)
      yield fail(SUBJECT, `${error.file}:${line}:${column} ${path} ${problem}`);
    return null;
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
