/** The echo set as a chapter of the evaluation. */
import { CAUGHT_WITHIN_MS, echoTable, runEchoSet } from "./echo-set.js";
import type { RunSection } from "./section.js";

/** As many with the caller's speech, and as many without. */
const CALLS = 300;
/** Too few to judge by: shown only. */
const QUICK_CALLS = 20;
/** Of the calls with echo alone. */
const MOST_HELD_SHARE = 0.01;
/** Of the calls on which the caller speaks over it. */
const LEAST_CAUGHT_SHARE = 0.95;

export const runEchoSection: RunSection = ({ speech, quick, seed }) => {
  const calls = quick ? QUICK_CALLS : CALLS;
  const result = runEchoSet({ half: "test", calls, seed, recordings: speech });
  const heldShare = result.echoOnly.held / result.echoOnly.calls;
  const caughtShare = result.doubleTalk.caught / result.doubleTalk.calls;
  const missed: string[] = [];
  if (!quick && heldShare > MOST_HELD_SHARE)
    missed.push(
      `echo alone held ${result.echoOnly.held} of ${result.echoOnly.calls} calls, promised ≤ 1 %`,
    );
  if (!quick && caughtShare < LEAST_CAUGHT_SHARE)
    missed.push(
      `${result.doubleTalk.caught} of ${result.doubleTalk.calls} callers over echo caught within ${CAUGHT_WITHIN_MS} ms, promised ≥ 95 %`,
    );
  return {
    name: "echo",
    markdown: `### Echo of the agent\n\n${echoTable(result)}`,
    missed,
    json: { heldShare, caughtShare, ...result.doubleTalk },
  };
};
