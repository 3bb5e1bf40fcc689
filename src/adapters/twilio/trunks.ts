/**
 * The account's Elastic SIP Trunks: for `doctor` and `trunk check`, never for calls.
 * Source: Twilio REST, Elastic SIP Trunking (trunking.twilio.com/v1).
 */
import { createTwilioClient, observed, type TwilioAccount } from "./client.js";

export interface SipTrunk {
  readonly sid: string;
  readonly name: string;
  /** Where its inbound calls go: enabled origination URIs, best first. */
  readonly originationUris: readonly string[];
  /** E.164. */
  readonly numbers: readonly string[];
  /** What becomes of a REFER. */
  readonly transfer: "enable-all" | "sip-only" | "disable-all";
  /** TLS and SRTP are demanded. */
  readonly secure: boolean;
  /** Asked when no origination URI takes the call; "" = nothing is. */
  readonly disasterRecoveryUrl: string;
}

const TRUNKS_MOST = 50;
const PARTS_MOST = 100;

/** Rejects as CallControl does. */
export async function listTwilioTrunks(
  account: TwilioAccount,
  nowMs: () => number,
): Promise<readonly SipTrunk[]> {
  const client = createTwilioClient(account);
  const run = <T>(operation: string, request: () => Promise<T>) =>
    observed(operation, () => {}, nowMs, request);
  const trunks = await run("trunks.list", () =>
    client.trunking.v1.trunks.list({ limit: TRUNKS_MOST }),
  );
  return Promise.all(
    trunks.map(async ({ sid, friendlyName, transferMode, secure, disasterRecoveryUrl }) => {
      const parts = client.trunking.v1.trunks(sid);
      const [uris, numbers] = await Promise.all([
        run("trunks.origination", () => parts.originationUrls.list({ limit: PARTS_MOST })),
        run("trunks.numbers", () => parts.phoneNumbers.list({ limit: PARTS_MOST })),
      ]);
      return {
        sid,
        name: friendlyName ?? sid,
        originationUris: uris
          .filter(({ enabled }) => enabled)
          .sort((a, b) => a.priority - b.priority)
          .map(({ sipUrl }) => sipUrl),
        numbers: numbers.map(({ phoneNumber }) => phoneNumber),
        // Twilio leaves out or nulls what is not set, whatever its types say.
        transfer: transferMode ?? "disable-all",
        secure: secure ?? false,
        disasterRecoveryUrl: disasterRecoveryUrl ?? "",
      };
    }),
  );
}
