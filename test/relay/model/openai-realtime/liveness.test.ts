import { describe, expect, it } from "vitest";
import {
  Liveness,
  PROBE_MS,
  QUIET_MS,
} from "../../../../src/relay/model/openai-realtime/liveness.js";

type Step =
  /** Time passes in looks of 20 ms, while the server owes a reply or not. */
  | ["owed" | "idle", ms: number]
  /** The process stands still. */
  | ["stall", ms: number]
  | ["heard"]
  | ["asked"]
  | ["paused"];

/** What the looks of the last step said, in order and without repeats. */
function run(steps: readonly Step[]): string[] {
  let nowMs = 1_000;
  const liveness = new Liveness(nowMs);
  let said: string[] = [];
  for (const [step, ms] of steps) {
    said = [];
    if (step === "heard") said.push(String(liveness.received(nowMs)));
    else if (step === "asked") liveness.asked(nowMs);
    else if (step === "paused") liveness.callerPaused(nowMs);
    else if (step === "stall") nowMs += ms!;
    else {
      for (const endMs = nowMs + ms!; nowMs < endMs; ) {
        nowMs += 20;
        const due = liveness.check(nowMs, step === "owed");
        if (due === "probe") liveness.probed(nowMs);
        if (due !== "nothing" && said.at(-1) !== due) said.push(due);
      }
    }
  }
  return said;
}

describe("Liveness", () => {
  it.each<[string, Step[], string[]]>([
    ["a server that owes nothing may be quiet", [["idle", 60_000]], []],
    ["one that owes a reply is probed after QUIET_MS", [["owed", QUIET_MS]], ["probe"]],
    ["not before", [["owed", QUIET_MS - 20]], []],
    ["an unanswered probe is death", [["owed", QUIET_MS + PROBE_MS]], ["probe", "dead"]],
    ["not before", [["owed", QUIET_MS + PROBE_MS - 20]], ["probe"]],
    ["any message answers the probe", [["owed", QUIET_MS], ["heard"]], ["true"]],
    ["without a probe there is nothing to answer", [["owed", 1_000], ["heard"]], ["false"]],
    [
      "after an answer the next quiet is probed again",
      [["owed", QUIET_MS], ["heard"], ["owed", QUIET_MS]],
      ["probe"],
    ],
    ["quiet counts from a request", [["idle", 60_000], ["asked"], ["owed", QUIET_MS - 20]], []],
    [
      "quiet counts from the last message",
      [["owed", QUIET_MS - 20], ["heard"], ["owed", QUIET_MS - 20]],
      [],
    ],
    [
      "a caller of whom the server tells nothing makes it probe",
      [["idle", 60_000], ["paused"], ["idle", QUIET_MS]],
      ["probe"],
    ],
    [
      "unless it tells anything at all",
      [["paused"], ["idle", 1_000], ["heard"], ["idle", QUIET_MS]],
      [],
    ],
    [
      "a second pause does not put the probe off",
      [["paused"], ["idle", 3_000], ["paused"], ["idle", QUIET_MS - 3_000]],
      ["probe"],
    ],
    [
      "a stall while a reply is owed does not count",
      [
        ["owed", QUIET_MS - 1_000],
        ["stall", 60_000],
        ["owed", 980],
      ],
      [],
    ],
    [
      "a stall during a probe does not count",
      [
        ["owed", QUIET_MS + PROBE_MS - 1_000],
        ["stall", 60_000],
        ["owed", 980],
      ],
      [],
    ],
    [
      "a stall ends",
      [
        ["owed", QUIET_MS - 1_000],
        ["stall", 60_000],
        ["owed", 1_040],
      ],
      ["probe"],
    ],
    [
      "a stall after the caller's pause does not count",
      [["paused"], ["idle", QUIET_MS - 1_000], ["stall", 60_000], ["idle", 980]],
      [],
    ],
  ])("%s", (_, steps, said) => {
    expect(run(steps)).toEqual(said);
  });

  it("tells when the server was heard last, whatever was forgiven", () => {
    const liveness = new Liveness(100);
    expect(liveness.lastEventMs).toBe(100);
    liveness.received(250);
    liveness.check(9_000, true);
    expect(liveness.lastEventMs).toBe(250);
  });
});
