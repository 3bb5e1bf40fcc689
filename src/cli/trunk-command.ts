import { AgentsFileError, readAgentsFile } from "../config/agents/agents-file.js";
import type { Config } from "../config/load.js";
import type { AgentsFile } from "../domain/agent-profile.js";
import { type CheckResult, fail, printResults } from "./check-result.js";
import { checkSip, modelAddress, webhookUrl } from "./doctor/sip-checks.js";
import { type CliIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./io.js";
import { loadSettings } from "./load.js";
import { numberWebhooks } from "./number-command.js";

/** Prints what must be set where for the SIP path, then checks it. */
export async function checkTrunk(
  io: CliIo,
  options: { readonly json?: boolean } = {},
): Promise<number> {
  const config = loadSettings(io);
  if (config === null) return EXIT_USAGE;
  const json = options.json === true;
  if (!json) for (const line of instructions(config)) io.out(line);
  return (await printResults(io, results(config, io), json)) === 0 ? EXIT_OK : EXIT_FAILED;
}

/** With this relay's own values, ready to be copied. */
function instructions(config: Config): readonly string[] {
  const address = modelAddress(config.openaiProjectId ?? "<OPENAI_PROJECT_ID>");
  return [
    "At OpenAI (platform.openai.com, Settings → Project → Webhooks):",
    `  URL      ${webhookUrl(config)}`,
    "  event    realtime.call.incoming",
    "  secret   goes into OPENAI_WEBHOOK_SECRET; the project's id (General) into OPENAI_PROJECT_ID",
    "At Twilio, for a number in conferences (warm transfers; recommended): npx murelay number set <number> --sip",
    `  voice    ${numberWebhooks(config, true).voiceUrl}`,
    "At Twilio, for an Elastic SIP Trunk (no TwiML; cold transfers only):",
    `  origination URI            ${address}`,
    "  call transfer (SIP REFER)  enabled, PSTN transfer too",
    "",
  ];
}

async function* results(config: Config, io: CliIo): AsyncGenerator<CheckResult> {
  let agents: AgentsFile | null = null;
  try {
    agents = readAgentsFile(config, io.env);
  } catch (error) {
    if (!(error instanceof AgentsFileError)) throw error;
    yield fail("agents file", error.message);
  }
  yield* checkSip(config, agents);
}
