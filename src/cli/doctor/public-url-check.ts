import { type ProbeAnswer, probe } from "../../adapters/http-client/http-probe.js";
import { Network } from "../../adapters/network/network.js";
import { isLoopbackHost } from "../../config/hosts.js";
import type { Config } from "../../config/load.js";
import { type CheckResult, fail, ok, warn } from "../check-result.js";

const SUBJECT = "public URL";

/** @param answers  the answer is added: it tells the time of what answers there. */
export async function* checkPublicUrl(
  config: Config,
  answers: ProbeAnswer[],
): AsyncGenerator<CheckResult> {
  const { publicUrl } = config;
  if (isLoopbackHost(new URL(publicUrl).hostname)) {
    yield warn(SUBJECT, `${publicUrl} is this machine: Twilio cannot reach it`, "set PUBLIC_URL");
    return;
  }
  const answer = await probe(`${publicUrl}/health`, {}, new Network(config));
  answers.push(answer);
  if (answer.status === 200 && answer.body.trim() === "ok")
    yield ok(SUBJECT, `${publicUrl} answers`);
  else if (answer.status === 0)
    yield fail(
      SUBJECT,
      `${publicUrl} cannot be reached (${answer.body})`,
      "check DNS, tunnel and certificate",
    );
  else
    yield warn(
      SUBJECT,
      `${publicUrl} answers HTTP ${answer.status} and is not a relay`,
      "check that a relay runs behind it",
    );
}
