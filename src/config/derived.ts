import type { Config } from "./load.js";

/** What other modules need from several settings at once. */

/** The `<Stream url>` of one worker of this node. */
export function mediaUrlFor(config: Pick<Config, "mediaUrl" | "nodeName">, worker: number): string {
  return config.mediaUrl
    .replaceAll("{node}", config.nodeName)
    .replaceAll("{worker}", String(worker));
}

/** Auth tokens whose signatures are accepted; the primary one first. */
export function twilioAuthTokens(
  config: Pick<Config, "twilioAuthToken" | "twilioAuthTokenSecondary">,
): readonly string[] {
  return config.twilioAuthTokenSecondary === null
    ? [config.twilioAuthToken]
    : [config.twilioAuthToken, config.twilioAuthTokenSecondary];
}

/** Account and credentials for Twilio's REST API. */
export function twilioAccount(
  config: Pick<
    Config,
    "twilioAccountSid" | "twilioAuthToken" | "twilioApiKey" | "twilioApiSecret" | "twilioApiBaseUrl"
  >,
) {
  return {
    accountSid: config.twilioAccountSid,
    authToken: config.twilioAuthToken,
    apiKey: config.twilioApiKey,
    apiSecret: config.twilioApiSecret,
    baseUrl: config.twilioApiBaseUrl,
  };
}
