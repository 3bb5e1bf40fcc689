import type { ProbeAnswer } from "../../adapters/http-client/http-probe.js";
import { systemClock } from "../../adapters/system/system-clock.js";
import { type CheckResult, fail, ok, warn } from "../check-result.js";

const SUBJECT = "clock";
/** One-time tokens and OpenAI's webhooks are valid for minutes. */
const SKEW_WARN_MS = 5_000;
const SKEW_FAIL_MS = 60_000;

/**
 * Compares this machine's clock with the latest answer that told a time. A Date header has whole
 * seconds.
 */
export function checkClock(
  answers: readonly Pick<ProbeAnswer, "dateEpochMs">[],
  epochMs = systemClock.epochMs(),
): CheckResult {
  const dates = answers.flatMap(({ dateEpochMs }) => (dateEpochMs === null ? [] : [dateEpochMs]));
  const theirs = dates.at(-1);
  if (theirs === undefined) return warn(SUBJECT, "no answer to compare it with");
  const skewMs = Math.abs(epochMs - theirs);
  const text = `${(skewMs / 1000).toFixed(1)} s off`;
  if (skewMs < SKEW_WARN_MS) return ok(SUBJECT, text);
  const fix = "run a time service (chrony, systemd-timesyncd)";
  return skewMs >= SKEW_FAIL_MS ? fail(SUBJECT, text, fix) : warn(SUBJECT, text, fix);
}
