import { Network } from "../../adapters/network/network.js";
import { systemClock } from "../../adapters/system/system-clock.js";
import { createTwilioNumbers, type OwnedNumber } from "../../adapters/twilio/numbers.js";
import { twilioAccount } from "../../config/derived.js";
import type { Config } from "../../config/load.js";
import type { AgentsFile } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import { type CheckResult, fail, masked, ok, warn } from "../check-result.js";
import { differingFields, numberWebhooks } from "../number-command.js";

const SUBJECT = "Twilio";
const SET_NUMBER = "npx murelay number set <number>";

/** Credentials, and the webhooks of each number. */
export async function* checkTwilio(
  config: Config,
  agents: AgentsFile | null,
): AsyncGenerator<CheckResult> {
  const numbers = createTwilioNumbers(
    { ...twilioAccount(config), network: new Network(config) },
    () => systemClock.nowMs(),
  );
  try {
    const status = await numbers.accountStatus();
    if (status !== "active") {
      yield fail(SUBJECT, `the account is ${status}`, "see https://console.twilio.com");
      return;
    }
    yield ok(SUBJECT, "credentials accepted, account active");
    yield* checkNumbers(config, agents, await numbers.list(null));
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    const fix =
      error.code === "twilio_unauthorized"
        ? "check TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN, or TWILIO_API_KEY with TWILIO_API_SECRET"
        : "check the network and TWILIO_API_BASE_URL";
    yield fail(SUBJECT, `${error.code} (${error.message})`, fix);
  }
}

function* checkNumbers(
  config: Config,
  agents: AgentsFile | null,
  owned: readonly OwnedNumber[],
): Generator<CheckResult> {
  const paths = [numberWebhooks(config, false), numberWebhooks(config, true)];
  const pointing = owned.flatMap((number) => {
    const wanted = paths.find(({ voiceUrl }) => voiceUrl === number.voiceUrl);
    return wanted === undefined ? [] : [{ number, wanted }];
  });
  for (const e164 of agents?.numbers.keys() ?? [])
    if (e164.startsWith("+") && !pointing.some(({ number }) => number.e164 === e164))
      yield warn(SUBJECT, `${masked(e164)} does not point to this relay`, SET_NUMBER);
  if (pointing.length === 0) yield warn(SUBJECT, "no number points to this relay", SET_NUMBER);
  else yield ok(SUBJECT, `${pointing.length} of ${owned.length} numbers point to this relay`);
  for (const { number, wanted } of pointing) yield* checkWebhooks(number, wanted);
}

function* checkWebhooks(
  number: OwnedNumber,
  wanted: ReturnType<typeof numberWebhooks>,
): Generator<CheckResult> {
  const name = masked(number.e164);
  if (number.takenBy !== null) {
    yield fail(SUBJECT, `${name}: ${number.takenBy} takes its calls`, "remove it in the console");
    return;
  }
  const differing = differingFields(number, wanted);
  // The relay answers GET with 405: callers would hear that an application error has occurred.
  if (differing.includes("voiceMethod"))
    yield fail(SUBJECT, `${name}: the method of its voice webhook is not POST`, SET_NUMBER);
  if (number.voiceFallbackUrl === "")
    yield warn(SUBJECT, `${name} has no fallback URL`, SET_NUMBER);
  else if (differing.includes("voiceFallbackUrl"))
    yield warn(SUBJECT, `${name}: its fallback URL is not this relay's`, SET_NUMBER);
  else if (differing.includes("voiceFallbackMethod"))
    yield fail(SUBJECT, `${name}: the method of its fallback URL is not POST`, SET_NUMBER);
  if (number.statusCallback === "")
    yield warn(SUBJECT, `${name} has no status callback`, SET_NUMBER);
  else if (differing.includes("statusCallback"))
    yield warn(SUBJECT, `${name}: its status callback is not this relay's`, SET_NUMBER);
  else if (differing.includes("statusCallbackMethod"))
    yield fail(SUBJECT, `${name}: the method of its status callback is not POST`, SET_NUMBER);
}
