/**
 * Checks everything that a first call needs, one line each, with the fix beside what is wrong.
 */
import type { ProbeAnswer } from "../../adapters/http-client/http-probe.js";
import { Network } from "../../adapters/network/network.js";
import { ConfigError } from "../../config/config-error.js";
import { type Config, loadConfig } from "../../config/load.js";
import { loadUws } from "../../http/uws.js";
import { type CheckResult, fail, ok, printResults, warn } from "../check-result.js";
import { type CliIo, EXIT_FAILED, EXIT_OK } from "../io.js";
import { checkAgentsAlone, checkAgentsFile } from "./agents-check.js";
import { checkClock } from "./clock-check.js";
import { checkDatabase } from "./database-check.js";
import { checkFolders } from "./folders-check.js";
import { messageOf } from "./message-of.js";
import { checkModels } from "./models-check.js";
import { checkOperators } from "./operators-check.js";
import { checkPorts } from "./ports-check.js";
import { checkPublicUrl } from "./public-url-check.js";
import { checkSessions } from "./session-check.js";
import { checkSip } from "./sip-checks.js";
import { checkTools } from "./tools-check.js";
import { checkTwilio } from "./twilio-check.js";

export async function doctor(
  io: CliIo,
  options: { readonly json?: boolean } = {},
): Promise<number> {
  const failed = await printResults(io, allChecks(io), options.json === true);
  return failed === 0 ? EXIT_OK : EXIT_FAILED;
}

async function* allChecks(io: CliIo): AsyncGenerator<CheckResult> {
  yield checkRuntime();
  const config = yield* checkSettings(io);
  if (config === null) {
    // Where the settings file cannot be used, it is not known which agents file is meant.
    if (io.settingsFault === undefined) yield* checkAgentsAlone(io);
    return;
  }
  const agents = yield* checkAgentsFile(config, io.env);
  /** Answers that told the time of another machine. */
  const answers: ProbeAnswer[] = [];
  if (agents !== null) yield* checkTools(agents, new Network(config));
  yield* checkOperators(config);
  const { relayRuns } = yield* checkPorts(config);
  yield* checkTwilio(config, agents);
  const keyAccepted = yield* checkModels(config, agents, answers);
  if (agents !== null && keyAccepted) yield* checkSessions(config, agents);
  yield await checkDatabase(config);
  yield* checkFolders(config, agents);
  yield* checkPublicUrl(config, relayRuns, answers);
  // The SIP path is optional: without its settings there is nothing to check.
  if (config.openaiWebhookSecret !== null || config.openaiProjectId !== null)
    yield* checkSip(config, agents);
  yield checkClock(answers);
}

function checkRuntime(): CheckResult {
  try {
    return ok("runtime", loadUws().description);
  } catch (error) {
    return fail("runtime", messageOf(error));
  }
}

function* checkSettings(io: CliIo): Generator<CheckResult, Config | null> {
  const { settingsFault } = io;
  if (settingsFault !== undefined) {
    const { name, problem, fix } = settingsFault;
    yield fail("settings", `${name} ${problem}`, fix);
    return null;
  }
  for (const notice of io.notices ?? [])
    yield warn("settings", notice, "correct the line, or remove it");
  try {
    const config = loadConfig(io.env);
    yield ok("settings", "all valid; npx murelay config print shows them");
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { name, problem, fix } of error.faults)
      yield fail("settings", `${name} ${problem}`, fix);
    return null;
  }
}
