import { type ProbeAnswer, probe } from "../../adapters/http-client/http-probe.js";
import { Network } from "../../adapters/network/network.js";
import { authHeaders } from "../../adapters/openai/auth.js";
import type { Config } from "../../config/load.js";
import type { AgentsFile } from "../../domain/agent-profile.js";
import { type CheckResult, fail, ok, warn } from "../check-result.js";

const SUBJECT = "OpenAI";

/**
 * Asks the REST API for the model of every agent.
 *
 * @param answers  every answer is added: it tells OpenAI's time.
 * @returns false when the key is refused, so that no session can be opened either.
 */
export async function* checkModels(
  config: Config,
  agents: AgentsFile | null,
  answers: ProbeAnswer[],
): AsyncGenerator<CheckResult, boolean> {
  const models = new Set(
    agents === null
      ? [config.openaiRealtimeModel]
      : [...agents.agents.values()].map(({ model }) => model),
  );
  for (const model of models) {
    const url = `${config.openaiBaseUrl}/models/${encodeURIComponent(model)}`;
    const answer = await probe(
      url,
      authHeaders(new URL(url).hostname, config.openaiApiKey),
      new Network(config),
    );
    answers.push(answer);
    yield judged(model, answer);
    if (answer.status === 401) return false;
  }
  return true;
}

function judged(model: string, { status, body }: ProbeAnswer): CheckResult {
  switch (status) {
    case 200:
      return ok(SUBJECT, `key accepted, model ${model} available`);
    case 401:
      return fail(SUBJECT, "the key is refused", "check OPENAI_API_KEY");
    case 404:
      return fail(
        SUBJECT,
        `the model ${model} is not available to this key`,
        "check OPENAI_REALTIME_MODEL and the agents file",
      );
    case 0:
      return fail(SUBJECT, `cannot be reached (${body})`, "check OPENAI_BASE_URL and the network");
    default:
      return warn(SUBJECT, `could not look up the model ${model}: HTTP ${status}`);
  }
}
