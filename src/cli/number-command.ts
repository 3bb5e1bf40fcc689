import { Network } from "../adapters/network/network.js";
import { systemClock } from "../adapters/system/system-clock.js";
import {
  createTwilioNumbers,
  type NumberWebhooks,
  type OwnedNumber,
} from "../adapters/twilio/numbers.js";
import { numberProblem } from "../config/agents/dial-target.js";
import { twilioAccount } from "../config/derived.js";
import type { Config } from "../config/load.js";
import { RelayError } from "../domain/errors.js";
import { type CliIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./io.js";
import { loadSettings } from "./load.js";

export interface NumberOptions {
  readonly sip?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** The webhooks of a number that this relay answers. */
export function numberWebhooks(config: Pick<Config, "publicUrl">, sip: boolean): NumberWebhooks {
  return {
    voiceUrl: config.publicUrl + (sip ? "/sip/incoming-call" : "/incoming-call"),
    voiceMethod: "POST",
    // Twilio asks here when the voice webhook failed. The answer for a call that no process knows
    // is the fallback destination.
    voiceFallbackUrl: `${config.publicUrl}/connect-ended`,
    voiceFallbackMethod: "POST",
    statusCallback: `${config.publicUrl}/call-status`,
    statusCallbackMethod: "POST",
  };
}

/** In the order in which they are printed. */
const FIELDS = [
  "voiceUrl",
  "voiceMethod",
  "voiceFallbackUrl",
  "voiceFallbackMethod",
  "statusCallback",
  "statusCallbackMethod",
] as const satisfies readonly (keyof NumberWebhooks)[];

/** What differs between two sets of webhooks. */
export function differingFields(
  before: NumberWebhooks,
  after: NumberWebhooks,
): readonly (keyof NumberWebhooks)[] {
  return FIELDS.filter((field) => before[field] !== after[field]);
}

/** Points a number of the account at this relay, and prints its webhooks before and after. */
export async function setNumber(io: CliIo, e164: string, options: NumberOptions): Promise<number> {
  const problem = e164.startsWith("+") ? numberProblem(e164) : "does not begin with +";
  if (problem !== null) {
    io.err(`the number ${problem}`);
    return EXIT_USAGE;
  }
  const config = loadSettings(io);
  if (config === null) return EXIT_USAGE;
  const numbers = createTwilioNumbers(
    { ...twilioAccount(config), network: new Network(config) },
    () => systemClock.nowMs(),
  );
  try {
    const owned = (await numbers.list(e164)).find((number) => number.e164 === e164);
    if (owned === undefined) {
      io.err(
        "the account has no such number. Its numbers: https://console.twilio.com, Phone Numbers",
      );
      return EXIT_FAILED;
    }
    const wanted = numberWebhooks(config, options.sip ?? false);
    const differing = differingFields(owned, wanted);
    if (owned.takenBy !== null) {
      io.err(
        `${owned.takenBy} takes this number's calls, so that voiceUrl has no effect: remove it in the console first`,
      );
      return EXIT_FAILED;
    }
    const changes = differing.length > 0 && options.dryRun !== true;
    if (options.json !== true) for (const line of described(owned, wanted)) io.out(line);
    if (changes) await numbers.point(owned.sid, wanted);
    if (options.json === true) io.out(JSON.stringify(asJson(owned, wanted, changes), null, 2));
    else if (changes) io.out("changed");
    else io.out(differing.length === 0 ? "nothing to change" : "dry run: nothing was changed");
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    io.err(`Twilio: ${error.code} (${error.message})`);
    return EXIT_FAILED;
  }
}

function described(before: OwnedNumber, after: NumberWebhooks): readonly string[] {
  return FIELDS.flatMap((field) => {
    const name = field.padEnd(20);
    const [was, is] = [before[field], after[field]];
    if (was === is) return [`  ${name} ${is}`];
    return [`- ${name} ${was === "" ? "(none)" : was}`, `+ ${name} ${is}`];
  });
}

function asJson(before: OwnedNumber, after: NumberWebhooks, changed: boolean) {
  const pick = (webhooks: NumberWebhooks) =>
    Object.fromEntries(FIELDS.map((field) => [field, webhooks[field]]));
  return { number: before.e164, changed, before: pick(before), after: pick(after) };
}
