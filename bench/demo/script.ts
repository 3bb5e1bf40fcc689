import type { Script } from "../sim/model/script.js";
import type { Clip } from "./clips.js";

export interface DemoClips {
  readonly problem: Clip;
  readonly interrupts: Clip;
  readonly human: Clip;
  readonly greeting: Clip;
  readonly looks: Clip;
  readonly answer: Clip;
  readonly thanks: Clip;
  readonly farewell: Clip;
}

/** What the simulated model does: it hears when, never what, so the call is a play in five acts. */
export function demoScript(clips: DemoClips): Script {
  return {
    turns: [
      { say: clips.greeting },
      // The caller has a problem with order 4217: looked up, while something is being said.
      { say: clips.looks, calls: [{ name: "lookup_order", arguments: { query: "4217" } }] },
      // Long enough to be interrupted.
      { say: clips.answer },
      // After the interruption.
      { say: clips.thanks },
      // "Agent."
      {
        say: clips.farewell,
        calls: [
          {
            name: "transfer_call",
            arguments: {
              destination: "front_desk",
              reason: "the caller asked for a person",
              summary:
                "Order 4217 is delayed: the parcel was carried away by monkeys. The caller wants a person.",
              urgency: "medium",
            },
          },
        ],
      },
    ],
    hears: [clips.problem.text, clips.interrupts.text, clips.human.text],
  };
}
