import { type ProbeAnswer, probe } from "../../adapters/http-client/http-probe.js";
import { Network } from "../../adapters/network/network.js";
import { signedPost, signedUpgrade } from "../../adapters/twilio/signed-probe.js";
import { mediaUrlFor } from "../../config/derived.js";
import { isLoopbackHost } from "../../config/hosts.js";
import type { Config } from "../../config/load.js";
import { type CheckResult, fail, ok, warn } from "../check-result.js";
import { messageOf } from "./message-of.js";

const SUBJECT = "public URL";
/**
 * A call that does not exist: the relay answers its status callback with 204 and does nothing else.
 */
const NO_CALL = `CA${"0".repeat(32)}`;

/**
 * Reaches the relay as Twilio would: a signed POST and an upgrade through PUBLIC_URL. That needs a
 * running relay; without one only the name is resolved.
 *
 * @param answers  the answer is added: its Date header gives the remote clock.
 */
export async function* checkPublicUrl(
  config: Config,
  relayRuns: boolean,
  answers: ProbeAnswer[],
): AsyncGenerator<CheckResult> {
  const { publicUrl } = config;
  const { hostname } = new URL(publicUrl);
  if (isLoopbackHost(hostname))
    yield warn(SUBJECT, `${publicUrl} is this machine: Twilio cannot reach it`, "set PUBLIC_URL");
  const network = new Network(config);
  const unresolved = await unresolvedReason(hostname, network);
  if (unresolved !== null) {
    yield fail(
      SUBJECT,
      `${hostname} cannot be resolved (${unresolved})`,
      "check PUBLIC_URL and DNS",
    );
    return;
  }
  const answer = await probe(`${publicUrl}/health`, {}, network);
  answers.push(answer);
  if (answer.status === 200 && answer.body.trim() === "ok") {
    yield await checkWebhook(config, network);
    yield await checkUpgrade(config, network);
  } else yield unreached(publicUrl, answer, relayRuns);
}

function unreached(publicUrl: string, { status, body }: ProbeAnswer, relayRuns: boolean) {
  const found =
    status === 0
      ? `${publicUrl} cannot be reached (${body})`
      : `${publicUrl} answers HTTP ${status} and is not a relay`;
  if (relayRuns) return fail(SUBJECT, found, "check tunnel, load balancer and certificate");
  return warn(SUBJECT, found, "start the relay and run doctor again to check it");
}

async function checkWebhook(config: Config, network: Network): Promise<CheckResult> {
  const url = `${config.publicUrl}/call-status`;
  const form = { CallSid: NO_CALL, AccountSid: config.twilioAccountSid, CallStatus: "completed" };
  const { status, body } = await signedPost(url, config.twilioAuthToken, form, network);
  if (status >= 200 && status < 300) return ok(SUBJECT, "a signed webhook was accepted");
  if (status === 403)
    return fail(
      SUBJECT,
      "a signed webhook was refused (403)",
      "start the relay with this PUBLIC_URL and TWILIO_AUTH_TOKEN, and let the proxy keep the path",
    );
  return fail(SUBJECT, `a signed webhook was answered ${status === 0 ? body : `HTTP ${status}`}`);
}

async function checkUpgrade(config: Config, network: Network): Promise<CheckResult> {
  const url = mediaUrlFor(config, 0);
  if (isLoopbackHost(new URL(url).hostname) && !isLoopbackHost(new URL(config.publicUrl).hostname))
    return fail(SUBJECT, `${url} is this machine: Twilio cannot reach it`, "correct MEDIA_URL");
  const { status, reason } = await signedUpgrade(url, config.twilioAuthToken, network);
  if (status === 101) return ok(SUBJECT, "a WebSocket was accepted");
  if (status === 403)
    return fail(
      SUBJECT,
      `a signed WebSocket to ${url} was refused (403)`,
      "start the relay with this MEDIA_URL and TWILIO_AUTH_TOKEN",
    );
  return fail(
    SUBJECT,
    `a WebSocket to ${url} was answered ${status === 0 ? reason : `HTTP ${status}`}`,
    "let the proxy pass WebSockets on (Upgrade and Connection headers)",
  );
}

async function unresolvedReason(hostname: string, network: Network): Promise<string | null> {
  try {
    const addresses = await network.resolver.resolve(hostname.replace(/^\[|\]$/g, ""));
    return addresses.length === 0 ? "no address" : null;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : messageOf(error);
  }
}
