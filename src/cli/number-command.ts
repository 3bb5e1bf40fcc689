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
}

/** What a number of this relay points at. */
export function numberWebhooks(config: Pick<Config, "publicUrl">, sip: boolean): NumberWebhooks {
  return {
    voiceUrl: config.publicUrl + (sip ? "/sip/incoming-call" : "/incoming-call"),
    // Asked when the first one failed: answers with the fallback destination for calls that nobody knows.
    voiceFallbackUrl: `${config.publicUrl}/connect-ended`,
    statusCallback: `${config.publicUrl}/call-status`,
  };
}

/** Points a number of the account at this relay; says what it was and what it is. */
export async function setNumber(io: CliIo, e164: string, options: NumberOptions): Promise<number> {
  const problem = e164.startsWith("+") ? numberProblem(e164) : "does not begin with +";
  if (problem !== null) {
    io.err(`the number ${problem}`);
    return EXIT_USAGE;
  }
  const config = loadSettings(io);
  if (config === null) return EXIT_USAGE;
  const numbers = createTwilioNumbers(twilioAccount(config), () => systemClock.nowMs());
  try {
    const owned = (await numbers.list(e164)).find((number) => number.e164 === e164);
    if (owned === undefined) {
      io.err(
        "the account has no such number. Its numbers: https://console.twilio.com, Phone Numbers",
      );
      return EXIT_FAILED;
    }
    const wanted = numberWebhooks(config, options.sip ?? false);
    const changes = describeChanges(io, owned, wanted);
    if (owned.takenBy !== null) {
      io.err(
        `${owned.takenBy} takes this number's calls: remove it in the console first, or voiceUrl is ignored`,
      );
      return EXIT_FAILED;
    }
    if (changes === 0) io.out("nothing to change");
    else if (options.dryRun === true) io.out("dry run: nothing was changed");
    else {
      await numbers.point(owned.sid, wanted);
      io.out("changed");
    }
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    io.err(`Twilio: ${error.code} (${error.message})`);
    return EXIT_FAILED;
  }
}

function describeChanges(io: CliIo, before: OwnedNumber, after: NumberWebhooks): number {
  let changes = 0;
  for (const name of ["voiceUrl", "voiceFallbackUrl", "statusCallback"] as const) {
    const [was, is] = [before[name], after[name]];
    if (was === is) io.out(`  ${name.padEnd(16)} ${is}`);
    else {
      changes++;
      io.out(`- ${name.padEnd(16)} ${was === "" ? "(none)" : was}`);
      io.out(`+ ${name.padEnd(16)} ${is}`);
    }
  }
  return changes;
}
