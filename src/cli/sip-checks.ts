/**
 * What the SIP path needs at OpenAI and at Twilio, looked at from here. What OpenAI does not let anybody look at (its list of
 * webhooks) is said by `trunk check`.
 */

import { probeWebhook } from "../adapters/http-client/webhook-probe.js";
import { systemClock } from "../adapters/system/system-clock.js";
import { createTwilioNumbers } from "../adapters/twilio/numbers.js";
import { listTwilioTrunks, type SipTrunk } from "../adapters/twilio/trunks.js";
import { twilioAccount } from "../config/derived.js";
import { isLoopbackHost } from "../config/hosts.js";
import type { Config } from "../config/load.js";
import type { AgentsFile } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import { type CheckResult, fail, masked, ok, warn } from "./check-result.js";
import { numberWebhooks } from "./number-command.js";

/** Where OpenAI takes SIP calls; a region of theirs has a name of its own in front. */
const MODEL_HOST = /(?:^|\.)sip\.api\.openai\.com$/;

/** What a carrier dials. */
export function modelAddress(projectId: string): string {
  return `sip:${projectId}@sip.api.openai.com;transport=tls`;
}

export function webhookUrl(config: Pick<Config, "publicUrl">): string {
  return `${config.publicUrl}/openai/webhook`;
}

export async function* examineSip(
  config: Config,
  agents: AgentsFile | null,
): AsyncGenerator<CheckResult> {
  const { openaiWebhookSecret: secret, openaiProjectId: projectId } = config;
  if (secret === null || projectId === null) {
    const missing = secret === null ? "OPENAI_WEBHOOK_SECRET" : "OPENAI_PROJECT_ID";
    yield fail("SIP", `${missing} is not set: the SIP path is off, its webhook answers 404`);
    return;
  }
  yield ok("SIP", "OPENAI_PROJECT_ID and OPENAI_WEBHOOK_SECRET are set");
  yield await webhook(config, secret);
  yield* carriers(config, agents, projectId);
}

async function webhook(config: Config, secret: string): Promise<CheckResult> {
  const url = webhookUrl(config);
  if (isLoopbackHost(new URL(url).hostname))
    return warn("SIP webhook", `${url} is this machine: OpenAI cannot reach it; set PUBLIC_URL`);
  const { status, body } = await probeWebhook(url, secret, systemClock.epochMs());
  if (status >= 200 && status <= 299) return ok("SIP webhook", `${url} took a signed test event`);
  switch (status) {
    case 0:
      return fail("SIP webhook", `${url} cannot be reached (${body}): is the relay running?`);
    case 400:
      return fail(
        "SIP webhook",
        `${url} refused a test event: the relay has another OPENAI_WEBHOOK_SECRET, or its clock is minutes off`,
      );
    case 404:
      return fail(
        "SIP webhook",
        `${url} answers 404: the relay was started without OPENAI_WEBHOOK_SECRET and OPENAI_PROJECT_ID`,
      );
    default:
      return fail("SIP webhook", `${url} answers HTTP ${status}`);
  }
}

async function* carriers(
  config: Config,
  agents: AgentsFile | null,
  projectId: string,
): AsyncGenerator<CheckResult> {
  const account = twilioAccount(config);
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
        "SIP numbers",
        "no number and no trunk leads to the model: npx murelay number set <number> --sip",
      );
    if (pointing.length > 0)
      yield ok("SIP numbers", `${pointing.length} of ${owned.length} on the SIP path`);
    for (const trunk of leading) yield* trunkFindings(trunk, agents, projectId);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    yield fail("SIP numbers", `${error.code} (${error.message})`);
  }
}

function* trunkFindings(
  trunk: SipTrunk,
  agents: AgentsFile | null,
  projectId: string,
): Generator<CheckResult> {
  const subject = "SIP trunk";
  const before = `“${trunk.name}”`;
  const uris = trunk.originationUris.filter(leadsToModel);
  let faults = 0;
  for (const uri of uris) {
    const [, user] = /^sips?:([^@]+)@/i.exec(uri) ?? [];
    if (user !== projectId) {
      faults++;
      yield fail(
        subject,
        `${before} leads to another project: its origination URI must be ${modelAddress(projectId)}`,
      );
    } else if (!/;transport=tls\b/i.test(uri)) {
      faults++;
      yield fail(subject, `${before} does not say ;transport=tls: OpenAI takes no other`);
    }
  }
  if (trunk.transfer === "disable-all") {
    faults++;
    yield warn(
      subject,
      `${before} takes no call transfer (REFER): callers cannot be handed to a human; enable all`,
    );
  } else if (trunk.transfer === "sip-only") {
    faults++;
    yield warn(
      subject,
      `${before} transfers to SIP addresses only, not to phone numbers; enable all`,
    );
  }
  if (trunk.disasterRecoveryUrl === "") {
    faults++;
    yield warn(
      subject,
      `${before} has no disaster recovery URL: callers hear a fault while OpenAI is away`,
    );
  }
  if (agents !== null && agents.defaultAgent === null)
    for (const number of trunk.numbers) {
      if (agents.numbers.has(number)) continue;
      faults++;
      yield warn(subject, `${before}: no agent answers ${masked(number)}; its calls are rejected`);
    }
  if (faults === 0)
    yield ok(subject, `${before}: ${trunk.numbers.length} numbers lead to the model`);
}

function leadsToModel(uri: string): boolean {
  const [, host = ""] = /^sips?:[^@\s]+@([^;:?>\s]+)/i.exec(uri) ?? [];
  return MODEL_HOST.test(host.toLowerCase());
}
