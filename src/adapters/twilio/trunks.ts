/**
 * The account's Elastic SIP Trunks, for the commands `doctor` and `trunk check`.
 * Source: Twilio REST, Elastic SIP Trunking (trunking.twilio.com/v1).
 */
import { createTwilioClient, observed, type TwilioAccount } from "./client.js";

export interface SipTrunk {
  readonly sid: string;
  readonly name: string;
  /** The enabled origination URIs, to which inbound calls go, in order of priority. */
  readonly originationUris: readonly string[];
  /** E.164. */
  readonly numbers: readonly string[];
  /** How a REFER is handled. */
  readonly transfer: "enable-all" | "sip-only" | "disable-all";
  /** TLS and SRTP are required. */
  readonly secure: boolean;
  /** Requested when no origination URI accepts the call; "" = none. */
  readonly disasterRecoveryUrl: string;
}

const MAX_TRUNKS = 50;
const MAX_PARTS = 100;

/** Rejects as CallControl does. */
export async function listTwilioTrunks(
  account: TwilioAccount,
  nowMs: () => number,
): Promise<readonly SipTrunk[]> {
  const client = createTwilioClient(account);
  const run = <T>(operation: string, request: () => Promise<T>) =>
    observed(operation, () => {}, nowMs, request);
  const trunks = await run("trunks.list", () =>
    client.trunking.v1.trunks.list({ limit: MAX_TRUNKS }),
  );
  return Promise.all(
    trunks.map(async ({ sid, friendlyName, transferMode, secure, disasterRecoveryUrl }) => {
      const parts = client.trunking.v1.trunks(sid);
      const [uris, numbers] = await Promise.all([
        run("trunks.origination", () => parts.originationUrls.list({ limit: MAX_PARTS })),
        run("trunks.numbers", () => parts.phoneNumbers.list({ limit: MAX_PARTS })),
      ]);
      return {
        sid,
        name: friendlyName ?? sid,
        originationUris: uris
          .filter(({ enabled }) => enabled)
          .sort((a, b) => a.priority - b.priority)
          .map(({ sipUrl }) => sipUrl),
        numbers: numbers.map(({ phoneNumber }) => phoneNumber),
        // Twilio omits values that are not set, or sends null, whatever its types say.
        transfer: transferMode ?? "disable-all",
        secure: secure ?? false,
        disasterRecoveryUrl: disasterRecoveryUrl ?? "",
      };
    }),
  );
}
