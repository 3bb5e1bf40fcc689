/**
 * What the SIP path needs at OpenAI and at Twilio, as far as it can be checked from here. OpenAI
 * has no way to list a project's webhooks: `trunk check` prints what to set there.
 */
import { probeWebhook } from "../../adapters/http-client/webhook-probe.js";
import { Network } from "../../adapters/network/network.js";
import { systemClock } from "../../adapters/system/system-clock.js";
import { createTwilioNumbers } from "../../adapters/twilio/numbers.js";
import { listTwilioTrunks, type SipTrunk } from "../../adapters/twilio/trunks.js";
import { twilioAccount } from "../../config/derived.js";
import { isLoopbackHost } from "../../config/hosts.js";
import type { Config } from "../../config/load.js";
import type { AgentsFile } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import { type CheckResult, fail, masked, ok, warn } from "../check-result.js";
import { numberWebhooks } from "../number-command.js";

/** OpenAI's SIP servers. A region has a prefix of its own. */
const MODEL_HOST = /(?:^|\.)sip\.api\.openai\.com$/;

/** The SIP address of the model, as a carrier dials it. */
export function modelAddress(projectId: string): string {
  return `sip:${projectId}@sip.api.openai.com;transport=tls`;
}

export function webhookUrl(config: Pick<Config, "publicUrl">): string {
  return `${config.publicUrl}/openai/webhook`;
}

export async function* checkSip(
  config: Config,
  agents: AgentsFile | null,
): AsyncGenerator<CheckResult> {
  const { openaiWebhookSecret: secret, openaiProjectId: projectId } = config;
  if (secret === null || projectId === null) {
    const missing = secret === null ? "OPENAI_WEBHOOK_SECRET" : "OPENAI_PROJECT_ID";
    yield fail(
      "SIP",
      `${missing} is not set, so that the SIP path is off and its webhook answers 404`,
      "set both or neither",
    );
    return;
  }
  yield ok("SIP", "OPENAI_PROJECT_ID and OPENAI_WEBHOOK_SECRET are set");
  yield await checkWebhook(config, secret);
  yield* checkCarriers(config, agents, projectId);
}

async function checkWebhook(config: Config, secret: string): Promise<CheckResult> {
  const subject = "SIP webhook";
  const url = webhookUrl(config);
  if (isLoopbackHost(new URL(url).hostname))
    return warn(subject, `${url} is this machine: OpenAI cannot reach it`, "set PUBLIC_URL");
  const { status, body } = await probeWebhook(
    url,
    secret,
    systemClock.epochMs(),
    new Network(config),
  );
  if (status >= 200 && status <= 299) return ok(subject, `${url} accepted a signed test event`);
  switch (status) {
    case 0:
      return fail(subject, `${url} cannot be reached (${body})`, "check that the relay is running");
    case 400:
      return fail(
        subject,
        `${url} refused a signed test event`,
        "give the relay the same OPENAI_WEBHOOK_SECRET, and check its clock",
      );
    case 404:
      return fail(
        subject,
        `${url} answers 404`,
        "start the relay with OPENAI_WEBHOOK_SECRET and OPENAI_PROJECT_ID",
      );
    default:
      return fail(subject, `${url} answers HTTP ${status}`);
  }
}

async function* checkCarriers(
  config: Config,
  agents: AgentsFile | null,
  projectId: string,
): AsyncGenerator<CheckResult> {
  const subject = "SIP numbers";
  const account = { ...twilioAccount(config), network: new Network(config) };
  const nowMs = () => systemClock.nowMs();
  try {
    const { voiceUrl } = numberWebhooks(config, true);
    const owned = await createTwilioNumbers(account, nowMs).list(null);
    const pointing = owned.filter(
      (number) => number.voiceUrl === voiceUrl && number.takenBy === null,
    );
    const trunks = await listTwilioTrunks(account, nowMs);
    const leading = trunks.filter(({ originationUris }) => originationUris.some(leadsToModel));
    if (pointing.length + leading.length === 0)
      yield warn(
        subject,
        "no number and no trunk leads to the model",
        "npx murelay number set <number> --sip",
      );
    if (pointing.length > 0)
      yield ok(subject, `${pointing.length} of ${owned.length} on the SIP path`);
    for (const trunk of leading) yield* checkTrunk(trunk, agents, projectId);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    yield fail(subject, `${error.code} (${error.message})`);
  }
}

function* checkTrunk(
  trunk: SipTrunk,
  agents: AgentsFile | null,
  projectId: string,
): Generator<CheckResult> {
  const name = `“${trunk.name}”`;
  const problems = [...trunkProblems(trunk, name, agents, projectId)];
  yield* problems;
  if (problems.length === 0)
    yield ok("SIP trunk", `${name}: ${trunk.numbers.length} numbers lead to the model`);
}

function* trunkProblems(
  trunk: SipTrunk,
  name: string,
  agents: AgentsFile | null,
  projectId: string,
): Generator<CheckResult> {
  const subject = "SIP trunk";
  for (const uri of trunk.originationUris.filter(leadsToModel)) {
    const [, user] = /^sips?:([^@]+)@/i.exec(uri) ?? [];
    if (user !== projectId)
      yield fail(
        subject,
        `${name} leads to another project`,
        `set its origination URI to ${modelAddress(projectId)}`,
      );
    else if (!/;transport=tls\b/i.test(uri))
      yield fail(
        subject,
        `${name} has no ;transport=tls in its origination URI, and OpenAI accepts only TLS`,
        `set it to ${modelAddress(projectId)}`,
      );
  }
  if (trunk.transfer === "disable-all")
    yield warn(
      subject,
      `${name} accepts no call transfer (REFER), so that callers cannot be transferred`,
      "enable all in the trunk's settings",
    );
  else if (trunk.transfer === "sip-only")
    yield warn(
      subject,
      `${name} transfers to SIP addresses only, not to phone numbers`,
      "enable all in the trunk's settings",
    );
  if (trunk.disasterRecoveryUrl === "")
    yield warn(
      subject,
      `${name} has no disaster recovery URL: callers hear an error while OpenAI is unavailable`,
      "set one in the trunk's settings",
    );
  if (agents === null || agents.defaultAgent !== null) return;
  for (const number of trunk.numbers)
    if (!agents.numbers.has(number))
      yield warn(
        subject,
        `${name}: no agent answers ${masked(number)}, so that its calls are rejected`,
        "add it to numbers in the agents file",
      );
}

function leadsToModel(uri: string): boolean {
  const [, host = ""] = /^sips?:[^@\s]+@([^;:?>\s]+)/i.exec(uri) ?? [];
  return MODEL_HOST.test(host.toLowerCase());
}
