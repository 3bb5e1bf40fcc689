/** The account and its numbers, for the commands `doctor`, `number` and `trunk`. */
import { RelayError } from "../../domain/errors.js";
import { createTwilioClient, observed, type TwilioAccount } from "./client.js";

export interface NumberWebhooks {
  readonly voiceUrl: string;
  readonly voiceFallbackUrl: string;
  readonly statusCallback: string;
  /** HTTP methods of the three: GET or POST. */
  readonly voiceMethod: string;
  readonly voiceFallbackMethod: string;
  readonly statusCallbackMethod: string;
}

export interface OwnedNumber extends NumberWebhooks {
  readonly sid: string;
  readonly e164: string;
  /** A TwiML application or SIP trunk that takes the calls instead of voiceUrl; null: none. */
  readonly takenBy: string | null;
}

export interface TwilioNumbers {
  /** "active", "suspended" or "closed". */
  accountStatus(): Promise<string>;
  /** @param e164  null: all, at most 1000. */
  list(e164: string | null): Promise<readonly OwnedNumber[]>;
  point(sid: string, webhooks: NumberWebhooks): Promise<void>;
}

/** All reject as CallControl does. */
export function createTwilioNumbers(account: TwilioAccount, nowMs: () => number): TwilioNumbers {
  const client = createTwilioClient(account);
  const run = <T>(operation: string, request: () => Promise<T>) =>
    observed(operation, () => {}, nowMs, request);
  return {
    accountStatus: async () => {
      const found = await run("accounts.fetch", () =>
        client.api.v2010.accounts(account.accountSid).fetch(),
      );
      return found.status;
    },
    list: async (e164) => {
      const found = await run("numbers.list", () =>
        client.incomingPhoneNumbers.list(
          e164 === null ? { limit: 1000 } : { phoneNumber: e164, limit: 20 },
        ),
      );
      return found.map((number) => ({
        sid: number.sid,
        e164: number.phoneNumber,
        // Twilio omits values that are not set, or sends null, whatever its types say.
        voiceUrl: number.voiceUrl ?? "",
        voiceFallbackUrl: number.voiceFallbackUrl ?? "",
        statusCallback: number.statusCallback ?? "",
        // What is not set is POST.
        voiceMethod: number.voiceMethod || "POST",
        voiceFallbackMethod: number.voiceFallbackMethod || "POST",
        statusCallbackMethod: number.statusCallbackMethod || "POST",
        takenBy: number.voiceApplicationSid || number.trunkSid || null,
      }));
    },
    point: async (sid, webhooks) => {
      if (sid === "") throw new RelayError("twilio_rejected", "numbers.update: no number");
      await run("numbers.update", () => client.incomingPhoneNumbers(sid).update({ ...webhooks }));
    },
  };
}
