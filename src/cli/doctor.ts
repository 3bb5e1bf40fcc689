/**
 * Checks everything a first call needs, one line each, with the mend beside what is wrong.
 */
import { type ProbeAnswer, probe } from "../adapters/http-client/http-probe.js";
import { systemClock } from "../adapters/system/system-clock.js";
import { createTwilioNumbers } from "../adapters/twilio/numbers.js";
import { AgentsFileError, readAgentsFile } from "../config/agents/agents-file.js";
import { isAssignable } from "../config/agents/dial-target.js";
import { ConfigError } from "../config/config-error.js";
import { twilioAccount } from "../config/derived.js";
import { isLoopbackHost } from "../config/hosts.js";
import { type Config, loadConfig } from "../config/load.js";
import type { AgentsFile } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import { loadUws } from "../http/uws.js";
import { type CheckResult, fail, masked, ok, tellAll, warn } from "./check-result.js";
import { type CliIo, EXIT_FAILED, EXIT_OK } from "./io.js";
import { numberWebhooks } from "./number-command.js";
import { examineSip } from "./sip-checks.js";

/** Signatures carry no time, but one-shot tokens and OpenAI's webhooks do: minutes. */
const SKEW_WARN_MS = 5_000;
const SKEW_FAIL_MS = 60_000;

export async function doctor(io: CliIo): Promise<number> {
  return (await tellAll(io, examine(io))) === 0 ? EXIT_OK : EXIT_FAILED;
}

async function* examine(io: CliIo): AsyncGenerator<CheckResult> {
  yield runtime();
  let config: Config;
  try {
    config = loadConfig(io.env);
    yield ok("settings", "all read; npx murelay config print shows them");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { name, problem, fix } of error.faults)
      yield fail("settings", `${name} ${problem}. ${fix}`);
    return;
  }
  const agents = yield* agentsFile(config, io);
  const skews: ProbeAnswer[] = [];
  yield* twilio(config, agents);
  yield* openai(config, agents, skews);
  yield await database(config);
  yield* publicUrl(config, skews);
  // Nothing to say about a path that nobody has asked for.
  if (config.openaiWebhookSecret !== null || config.openaiProjectId !== null)
    yield* examineSip(config, agents);
  yield clock(skews);
}

function runtime(): CheckResult {
  try {
    return ok("runtime", loadUws().description);
  } catch (error) {
    return fail("runtime", message(error));
  }
}

function* agentsFile(config: Config, io: CliIo): Generator<CheckResult, AgentsFile | null> {
  try {
    const agents = readAgentsFile(config, io.env);
    const answering = agents.defaultAgent === null ? `, ${agents.numbers.size} numbers` : "";
    yield ok(
      "agents file",
      `${config.agentsFile}: ${[...agents.agents.keys()].join(", ")}${answering}`,
    );
    for (const agent of agents.agents.values()) {
      if (agent.transfer.default === null)
        yield warn(
          "agents file",
          `${agent.name} has nobody to hand over to: set HUMAN_AGENT_NUMBER or transfer`,
        );
      for (const destination of agent.transfer.destinations.values()) {
        const target = "target" in destination ? destination.target : null;
        if (target?.type === "number" && !isAssignable(target.e164))
          yield warn(
            "agents file",
            `${agent.name}: the number of ${destination.name} is in no numbering plan`,
          );
      }
    }
    return agents;
  } catch (error) {
    if (!(error instanceof AgentsFileError)) throw error;
    for (const { path, line, column, problem } of error.faults)
      yield fail("agents file", `${error.file}:${line}:${column} ${path} ${problem}`);
    return null;
  }
}

async function* twilio(config: Config, agents: AgentsFile | null): AsyncGenerator<CheckResult> {
  const numbers = createTwilioNumbers(twilioAccount(config), () => systemClock.nowMs());
  try {
    const status = await numbers.accountStatus();
    if (status !== "active") {
      yield fail("Twilio", `the account is ${status}: see https://console.twilio.com`);
      return;
    }
    yield ok("Twilio", "credentials good, account active");
    const ours = [numberWebhooks(config, false), numberWebhooks(config, true)];
    const owned = await numbers.list(null);
    const pointing = owned.filter(({ voiceUrl }) =>
      ours.some((webhooks) => webhooks.voiceUrl === voiceUrl),
    );
    const listed = [...(agents?.numbers.keys() ?? [])].filter((number) => number.startsWith("+"));
    for (const number of listed) {
      if (!pointing.some(({ e164 }) => e164 === number))
        yield warn(
          "Twilio",
          `${masked(number)} does not point here: npx murelay number set <number>`,
        );
    }
    if (pointing.length > 0)
      yield ok("Twilio", `${pointing.length} of ${owned.length} numbers point here`);
    else yield warn("Twilio", "no number points here: npx murelay number set <number>");
    for (const number of pointing) {
      if (number.takenBy !== null)
        yield fail(
          "Twilio",
          `${masked(number.e164)}: ${number.takenBy} takes its calls; remove it in the console`,
        );
      else if (number.voiceFallbackUrl === "")
        yield warn(
          "Twilio",
          `${masked(number.e164)} has no fallback URL: npx murelay number set <number>`,
        );
    }
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    const mend =
      error.code === "twilio_unauthorized"
        ? "check TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN, or TWILIO_API_KEY with TWILIO_API_SECRET"
        : "check the network and TWILIO_API_BASE_URL";
    yield fail("Twilio", `${error.code} (${error.message}): ${mend}`);
  }
}

async function* openai(
  config: Config,
  agents: AgentsFile | null,
  answers: ProbeAnswer[],
): AsyncGenerator<CheckResult> {
  const models = new Set(
    agents === null
      ? [config.openaiRealtimeModel]
      : [...agents.agents.values()].map(({ model }) => model),
  );
  for (const model of models) {
    const answer = await probe(
      `${config.openaiBaseUrl}/models/${encodeURIComponent(model)}`,
      config.openaiApiKey,
    );
    answers.push(answer);
    if (answer.status === 200) yield ok("OpenAI", `key good, model ${model} there`);
    else if (answer.status === 401) {
      yield fail("OpenAI", "the key is refused: check OPENAI_API_KEY");
      return;
    } else if (answer.status === 404)
      yield fail(
        "OpenAI",
        `no model ${model} for this key: check OPENAI_REALTIME_MODEL and the agents file`,
      );
    else if (answer.status === 0)
      yield fail("OpenAI", `cannot be reached (${answer.body}): check OPENAI_BASE_URL`);
    else yield warn("OpenAI", `could not look for the model ${model}: HTTP ${answer.status}`);
  }
}

async function database(config: Config): Promise<CheckResult> {
  const kind = config.databaseUrl.startsWith("sqlite:") ? "SQLite" : "PostgreSQL";
  const { openStore } = await import("../adapters/store/open-store.js");
  try {
    // The connection is idle for no longer than this line: were it lost, close() would say so.
    const store = await openStore(config.databaseUrl, () => {});
    await store.close();
    return ok("database", `${kind}, opened, tables up to date`);
  } catch (error) {
    return fail("database", `${kind}: ${message(error)}; check DATABASE_URL`);
  }
}

async function* publicUrl(config: Config, answers: ProbeAnswer[]): AsyncGenerator<CheckResult> {
  const { hostname } = new URL(config.publicUrl);
  if (isLoopbackHost(hostname)) {
    yield warn(
      "public URL",
      `${config.publicUrl} is this machine: Twilio cannot reach it; set PUBLIC_URL`,
    );
    return;
  }
  const answer = await probe(`${config.publicUrl}/health`);
  answers.push(answer);
  if (answer.status === 200 && answer.body.trim() === "ok")
    yield ok("public URL", `${config.publicUrl} leads to a relay`);
  else if (answer.status === 0)
    yield fail(
      "public URL",
      `${config.publicUrl} cannot be reached (${answer.body}): check DNS, tunnel, certificate`,
    );
  else
    yield warn(
      "public URL",
      `${config.publicUrl} answers HTTP ${answer.status}, but no relay: is one running behind it?`,
    );
}

/** Compares with whoever told their time; half a second of theirs is lost in rounding. */
function clock(answers: readonly ProbeAnswer[]): CheckResult {
  const dates = answers.flatMap(({ dateEpochMs }) => (dateEpochMs === null ? [] : [dateEpochMs]));
  const theirs = dates.at(-1);
  if (theirs === undefined) return warn("clock", "nobody to compare it with");
  const skewMs = Math.abs(systemClock.epochMs() - theirs);
  const text = `${(skewMs / 1000).toFixed(1)} s off`;
  if (skewMs >= SKEW_FAIL_MS)
    return fail("clock", `${text}: run a time service (chrony, systemd-timesyncd)`);
  return skewMs >= SKEW_WARN_MS ? warn("clock", `${text}: run a time service`) : ok("clock", text);
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
